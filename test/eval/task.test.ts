import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readHeldOut, readSums, type SumMeta } from '../../eval/held-out.ts'
import { readTasks, soundSums, worth } from '../../eval/task.ts'

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

describe('the sums that settings are chosen on', () => {
  const development = readSums('training/development-sums.json', 1000)

  it('are neither drawn by training nor tested on', () => {
    // models/tiny/grammar.json: the rule by which training leaves prompts out
    const firstByte = (prompt: string) => createHash('sha256').update(prompt).digest()[0]!
    assert.ok(development.every(({ prompt }) => firstByte(prompt) < 39))
    const problem = ({ meta }: (typeof development)[number]) => `${meta.operands} ${meta.operators}`
    const tested = new Set(readHeldOut('models/tiny').sums.map(problem))
    assert.deepEqual(
      development.filter((row) => tested.has(problem(row))),
      [],
    )
    assert.equal(new Set(development.map(({ prompt }) => prompt)).size, 200)
  })

  it('are measured by the rules of arithmetic', () => {
    const meta: SumMeta = { operands: [68, 7, 9], operators: ['+', '-'], answer: 66 }
    const { prompts, truth } = soundSums([{ prompt: 'What is 68 + 7 - 9?', meta }])
    assert.deepEqual(prompts, ['What is 68 + 7 - 9?'])
    assert.equal(truth.of('68 + 7 = 75. 75 - 9 = 66. The answer is 66.', 0), 1)
    assert.equal(truth.of('68 + 7 = 65. 65 - 9 = 66. The answer is 66.', 0), 0)
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
