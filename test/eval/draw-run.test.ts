import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runOf } from '../../eval/draw-run.ts'
import { startShare } from '../../eval/streaming-start-command.ts'
import { watchedDecoder } from '../../eval/watched-decoder.ts'
import type { StrategyEvent } from '../../src/guidance/strategy.ts'
import { never, toyRequest } from '../guidance/strategy-contract.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'

const outcome = { rewardCalls: 6, reward: Number.NEGATIVE_INFINITY }

/** A run whose texts come when its longest sequence has so many tokens; a text of undefined is a sign of progress. */
function run(moments: readonly (readonly [tokens: number, text: string | undefined])[]) {
  let decoded = 0
  async function* events(): AsyncGenerator<StrategyEvent> {
    for (const [tokens, text] of moments) {
      decoded = tokens
      if (text === undefined) yield { type: 'progress', message: 'particles' }
      else yield { type: 'choice-delta', index: 0, text, draws: [] }
    }
    const counts = { returnedTokens: 20, generatedTokens: 40, cachedTokens: 0 }
    yield { type: 'choice-end', index: 0, finishReason: 'stop', endDraw: undefined, ...counts, outcome }
  }
  return runOf(events(), () => decoded)
}

describe('a run of particles', () => {
  it('starts to stream with its first text that is not empty', async () => {
    const { text, firstTextAt, tokens, generated } = await run([
      [8, undefined],
      [8, ''],
      [11, 'so'],
      [16, undefined],
      [20, ' on'],
    ])
    assert.deepEqual([text, firstTextAt, tokens, generated], ['so on', 11, 20, 40])
    assert.equal(startShare({ firstTextAt, tokens }), 0.55)
  })

  it('starts with its end if it says nothing', async () => {
    const silent = await run([[20, undefined]])
    assert.equal(silent.firstTextAt, undefined)
    assert.equal(startShare(silent), 1)
  })

  it('keeps a reward of -Infinity as null, which JSON can hold', async () => {
    assert.equal((await run([[1, 'x']])).reward, null)
  })
})

describe('a watched decoder', () => {
  it('knows the most tokens that any of its sequences has had, released ones too', async () => {
    const { decoder, longest } = watchedDecoder(new ToyDecoder(scrambled, undefined))
    const first = decoder.open(toyRequest({ maxTokens: 9 }))
    const decode = async (tokens: number, sequence = first) => {
      for await (const _ of decoder.advance(sequence, tokens, never));
    }
    assert.equal(longest(), 0)
    await decode(2)
    const second = decoder.fork(first, 5n)
    await decode(3, second)
    assert.equal(longest(), 5)
    decoder.release(second)
    await decode(1)
    assert.equal(longest(), 5)
    await decode(4)
    assert.equal(longest(), 7)
    decoder.release(first)
  })
})
