import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runOf } from '../../eval/draw-run.ts'
import { startShare } from '../../eval/streaming-start-command.ts'
import type { StrategyEvent } from '../../src/guidance/strategy.ts'

const step = (tokens: number) => ({ tokens, effectiveSampleSize: 1, resampled: false, rewards: [], ancestors: [] })

const outcome = {
  rewardCalls: 6,
  reward: Number.NEGATIVE_INFINITY,
  particles: { n: 2, logZ: 0, collapsed: false, steps: [step(8), step(16), step(20)] },
}

async function* events(texts: readonly (string | undefined)[]): AsyncGenerator<StrategyEvent> {
  for (const text of texts) {
    if (text === undefined) yield { type: 'progress', message: 'particles' }
    else yield { type: 'choice-delta', index: 0, text, draws: [] }
  }
  const counts = { returnedTokens: 20, generatedTokens: 40, cachedTokens: 0 }
  yield { type: 'choice-end', index: 0, finishReason: 'stop', endDraw: undefined, ...counts, outcome }
}

describe('a run of particles', () => {
  it('starts to stream at the checkpoint before its first text', async () => {
    const run = await runOf(events([undefined, '', undefined, 'so', undefined, ' on']))
    assert.deepEqual([run.text, run.firstTextAt, run.tokens, run.generated], ['so on', 16, 20, 40])
    assert.equal(startShare(run), 0.8)
  })

  it('starts with its end if nothing was common before', async () => {
    const run = await runOf(events([undefined, undefined, undefined, 'all']))
    assert.equal(run.firstTextAt, 20)
    assert.equal(startShare(run), 1)
  })

  it('keeps a reward of -Infinity as null, which JSON can hold', async () => {
    assert.equal((await runOf(events(['x']))).reward, null)
  })
})
