import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Run } from '../../eval/draw-run.ts'
import { policy } from '../../eval/policy.ts'
import { RunStore } from '../../eval/run-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'trimtab-runs-'))
after(() => rmSync(folder, { recursive: true }))

const conditions = { task: 'sums', seed: 1, maxTokens: 8, fingerprint: 'a' }
const run = (text: string): Run => ({ text, finished: true, tokens: 1, generated: 2, rewardCalls: 0, reward: null })
const one = policy('one', {})

describe('kept answers', () => {
  it('come back, those under way when the run was cut off excepted', () => {
    const store = new RunStore(join(folder, 'cut'))
    store.open(one, conditions, ['p', 'q', 'r']).add(0, run('first'))
    const [file] = readdirSync(join(folder, 'cut'))
    appendFileSync(join(folder, 'cut', file!), '{"index": 1, "prompt": "q", "ru')
    const again = store.open(one, conditions, ['p', 'q', 'r'])
    assert.deepEqual([again.get(0), again.get(1)], [run('first'), undefined])
    again.add(1, run('second'))
    assert.deepEqual(store.open(one, conditions, ['p', 'q', 'r']).get(1), run('second'))
  })

  it('are for more prompts of the same list, not for other ones', () => {
    const store = new RunStore(join(folder, 'prompts'))
    store.open(one, conditions, ['p']).add(0, run('first'))
    assert.deepEqual(store.open(one, conditions, ['p', 'q']).get(0), run('first'))
    assert.equal(store.open(one, conditions, ['q']).get(0), undefined)
  })

  it('belong to one alignment, stream, seed and set of weights', () => {
    const store = new RunStore(join(folder, 'keys'))
    store.open(one, conditions, ['p']).add(0, run('first'))
    assert.equal(store.open(policy('one', { best_of: { n: 2, reward: 'x' } }), conditions, ['p']).get(0), undefined)
    assert.equal(store.open(policy('one', {}, { stream: 1 }), conditions, ['p']).get(0), undefined)
    assert.equal(store.open(one, { ...conditions, fingerprint: 'b' }, ['p']).get(0), undefined)
  })
})
