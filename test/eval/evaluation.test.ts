import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { controlCell, guidedCell } from '../../eval/cell.ts'
import { CellStore } from '../../eval/cell-store.ts'
import { drawAnswer } from '../../eval/draw-answer.ts'
import { type EvaluatedModel, openEvaluatedModel } from '../../eval/evaluated-model.ts'
import { readGrammar } from '../../eval/grammar.ts'
import { readHeldOut } from '../../eval/held-out.ts'
import { mean } from '../../eval/interval.ts'
import { measure } from '../../eval/measures.ts'
import { runCells } from '../../eval/run-cells.ts'
import { forcedLogprobs } from '../../eval/teacher-forcing.ts'
import { parseConfig } from '../../src/server/config-file.ts'

const heldOut = readHeldOut('models/tiny')
const folder = mkdtempSync(join(tmpdir(), 'trimtab-eval-'))
let model: EvaluatedModel

before(async () => {
  // fp32: 8-bit activations are rounded otherwise where a text is read in one piece than token by token
  const models = { tiny: { path: resolve('models/tiny/base'), weights: 'fp32' } }
  model = await openEvaluatedModel(parseConfig({ engine: { threads: 1, cache: folder }, models }, 'test'))
})

after(async () => {
  await model.close()
  rmSync(folder, { recursive: true })
})

const ask = (alignment = {}) =>
  drawAnswer(model, { prompt: heldOut.talk[0]!.prompt, alignment, temperature: 1, seed: 9n, maxTokens: 200 })

describe('an evaluated answer', () => {
  it('ends at the end token, whose probability counts', async () => {
    const answer = await ask()
    assert.ok(answer.finished && !answer.text.includes('<|'))
    const forced = await forcedLogprobs(model, heldOut.talk[0]!.prompt, answer.text)
    assert.equal(forced.length, answer.tokens + 1)
    const sum = forced.reduce((total, value) => total + value, 0)
    assert.ok(Math.abs(sum - answer.baseLogprob) < 1e-4, `${sum} instead of ${answer.baseLogprob}`)
  })

  it('has no distance from the base without a guide, and some with one', async () => {
    const plain = await ask()
    assert.ok(Math.abs(plain.logprob - plain.baseLogprob) < 1e-4)
    const steered = await ask({ guides: [{ principle: 'Be brief.', weight: 3 }] })
    assert.ok(Math.abs(steered.logprob - steered.baseLogprob) > 1e-3)
  })
})

describe('a run', () => {
  const cells = [guidedCell('talk', {}), controlCell('talk', 1), guidedCell('sums', {}, true)]
  const store = new CellStore(join(folder, 'cells'))
  const options = { samples: 24, seed: 1, concurrency: 8 }

  it('gives the same answers at any concurrency, from the store or anew', async () => {
    const first = await runCells(model, cells, heldOut, { store, options })
    const stored = await runCells(model, cells, heldOut, { store, options })
    assert.deepEqual(stored, first)
    const other = new CellStore(join(folder, 'other'))
    const again = await runCells(model, cells, heldOut, { store: other, options: { ...options, concurrency: 3 } })
    for (const { name } of cells) {
      assert.deepEqual(
        again.get(name)!.map(({ text }) => text),
        first.get(name)!.map(({ text }) => text),
      )
    }
  })

  it('measures that sharpening leads away from the base', async () => {
    const answers = await runCells(model, cells, heldOut, { store, options })
    const measured = measure(cells, answers, heldOut, readGrammar('models/tiny'))
    const kl = (index: number) => mean(measured.get(cells[index]!.name)!.map((row) => Number(row['kl'])))
    assert.ok(Math.abs(kl(0)) < 1e-4 && kl(1) > 0.1, `${kl(0)} ${kl(1)}`)
  })
})
