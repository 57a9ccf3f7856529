import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sumsPolicies, withReasoner } from '../../eval/sums-policies.ts'
import type { Task } from '../../eval/task.ts'

const task: Task = { name: 'sums', prompts: [], maxTokens: 8, reward: 'steps', truth: undefined }

describe('ways of working out sums', () => {
  it('have a name each, and the reasoner at every weight asked for', () => {
    const named = (weights: readonly number[]) => sumsPolicies(task, weights).map(({ name }) => name)
    const plain = named([])
    assert.deepEqual(named([1, 0.5]).slice(plain.length), [
      'reasoner',
      'reasoner + best of 8',
      'reasoner + 8 particles',
      'reasoner at 0.5',
      'reasoner at 0.5 + best of 8',
      'reasoner at 0.5 + 8 particles',
    ])
    assert.equal(new Set(named([1, 0.5])).size, plain.length + 6)
  })

  it('choose by the reward among answers that the reasoner tilts by its weight', () => {
    const { alone, bestOf, particles } = withReasoner(task, 0.5)
    for (const { alignment } of [alone, bestOf, particles])
      assert.deepEqual(
        alignment.guides?.map(({ guide, weight }) => [guide, weight]),
        [['reasoner', 0.5]],
      )
    assert.equal(alone.alignment.best_of, undefined)
    assert.deepEqual([bestOf.alignment.best_of?.n, bestOf.alignment.best_of?.reward], [8, 'steps'])
    assert.deepEqual([particles.alignment.particles?.n, particles.alignment.particles?.reward], [8, 'steps'])
  })
})
