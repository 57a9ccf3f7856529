import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readTasks, worth } from '../../eval/task.ts'

const folder = mkdtempSync(join(tmpdir(), 'trimtab-tasks-'))
after(() => rmSync(folder, { recursive: true }))

const family = { config: 'models/tiny/trimtab.yaml', samples: 3 }

describe("the family's tasks", () => {
  it('take the trained reward, or what stands in for it, or are left out', () => {
    const rewards = (configured: readonly string[]) =>
      readTasks(family, (reward) => configured.includes(reward)).map(({ name, reward }) => `${name} ${reward}`)
    assert.deepEqual(rewards(['steps', 'sound-steps', 'sentiment', 'formality']), [
      'sums steps',
      'reviews sentiment',
      'formality formality',
    ])
    assert.deepEqual(rewards(['sound-steps', 'praise']), ['sums sound-steps', 'reviews praise'])
  })

  it("are measured by the grammar's rules", () => {
    const [reviews] = readTasks(family, (reward) => reward === 'sentiment')
    assert.equal(reviews!.prompts.length, 3)
    assert.equal(worth(reviews!, { text: 'The lobby is great.', reward: -9 }, 0), 1)
  })
})

describe('a prompt file', () => {
  const file = join(folder, 'prompts.json')
  const options = { config: 'any.yaml', samples: 2, prompts: file, rewards: ['short', 'long'] }

  it('gives a task for each reward, measured by that reward', () => {
    writeFileSync(file, JSON.stringify(['One?', { prompt: 'Two?', more: 1 }, 'Three?']))
    const tasks = readTasks(options, () => false)
    assert.deepEqual(
      tasks.map(({ reward, prompts }) => [reward, prompts]),
      [
        ['short', ['One?', 'Two?']],
        ['long', ['One?', 'Two?']],
      ],
    )
    assert.equal(worth(tasks[0]!, { text: 'x', reward: -2 }, 0), -2)
  })

  it('needs a reward; a configuration without held-out prompts needs a prompt file', () => {
    assert.throws(() => readTasks({ ...options, rewards: [] }, () => true), /--rewards/)
    assert.throws(() => readTasks({ config: join(folder, 'x.yaml'), samples: 1 }, () => true), /--prompts/)
  })
})
