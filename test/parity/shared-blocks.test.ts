import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { blockReads } from '../../src/decoding/local/block-reads.ts'
import type { WeightFormat } from '../../src/decoding/local/engine-options.ts'
import type { KvContext } from '../../src/decoding/local/kv-context.ts'
import type { ModelRunner, StepResult } from '../../src/decoding/local/model-runner.ts'
import { chunkTokens } from '../../src/decoding/local/prefill-step.ts'
import type { StepRow } from '../../src/decoding/local/step-row.ts'
import { randomModel } from './checkpoints.ts'
import { engineOptions, modelSpec, openRunningModel } from './parity-engine.ts'
import { randomAdapterFor } from './random-guides.ts'

const room = 64
const tokenAt = (i: number, seed: number): number => 5 + ((i * i * 31 + i * 17 + seed * 101) % 280)
const some = (length: number, seed: number): number[] => Array.from({ length }, (_, i) => tokenAt(i, seed))

const run = (runner: ModelRunner, rows: readonly StepRow[]): Promise<StepResult> =>
  runner.run(rows, undefined, { logits: true, everyPosition: true, mixed: false, top: false })

/** Contexts of one prompt that each went on for some tokens of their own. */
async function family(runner: ModelRunner, shape: { prompt: number; forks: number; seed: number; adapter?: string }) {
  const root = runner.context(shape.adapter, some(shape.prompt + 1, shape.seed), room)
  await take(runner, root, root.promptIds.slice(0, -1), chunkTokens)
  const forks = Array.from({ length: shape.forks }, () => root.fork(room))
  root.release()
  for (const [k, fork] of forks.entries()) await take(runner, fork, some(1 + (k % 3), 900 + shape.seed + k), 1)
  return forks
}

async function take(runner: ModelRunner, context: KvContext, tokens: readonly number[], atOnce: number): Promise<void> {
  for (let i = 0; i < tokens.length; i += atOnce)
    context.append(await run(runner, [{ context, tokens: tokens.slice(i, i + atOnce) }]), 0)
}

/** Everything that a step returned for one row. */
function rowOf(runner: ModelRunner, result: StepResult, row: number) {
  const parts = (values: Float32Array, groups: number): Float32Array[] => {
    const size = values.length / groups / result.rows
    return Array.from({ length: groups }, (_, g) => values.slice((g * result.rows + row) * size).subarray(0, size))
  }
  const { layerCount } = runner.pool.shape
  return {
    logits: parts(result.logits!, 1),
    keys: parts(result.newKeys, layerCount),
    values: parts(result.newValues, layerCount),
  }
}

const queriesOf = (model: string): number => (model === 'llama-biases' ? 1 : 2)
const isSplit = (rows: readonly StepRow[], queries: number): boolean => {
  const [, { start, end }] = blockReads(rows, queries).ranges
  return end > start
}

function testModel(model: string, weights: WeightFormat) {
  let runner: ModelRunner
  let twelve: KvContext[]
  let guided: KvContext[]
  let strangers: KvContext[]

  before(async () => {
    const folder = randomModel(model)
    const adapters = [{ name: 'guide', source: randomAdapterFor(folder, 1) }]
    runner = (await openRunningModel({ ...modelSpec(model, folder, weights), adapters }, engineOptions())).runner
    twelve = await family(runner, { prompt: 310, forks: 12, seed: 1 })
    guided = await family(runner, { prompt: 310, forks: 16, seed: 2, adapter: 'guide' })
    strangers = []
    for (const [k, prompt] of [1, 63, 200].entries())
      strangers.push(...(await family(runner, { prompt, forks: 1, seed: 10 + k })))
  })
  after(() => runner.close())

  for (const tokens of [1, 3]) {
    const queries = queriesOf(model) * tokens
    const rowsFor = (contexts: readonly KvContext[]): StepRow[] =>
      contexts.map((context) => ({ context, tokens: some(tokens, context.length + context.blocks.at(-1)!.index) }))

    const check = async (contexts: readonly KvContext[], split?: boolean) => {
      const rows = rowsFor(contexts)
      if (split !== undefined) assert.equal(isSplit(rows, queries), split)
      const together = await run(runner, rows)
      for (const [r, row] of rows.entries()) {
        assert.ok(!isSplit([row], queries))
        assert.deepEqual(rowOf(runner, together, r), rowOf(runner, await run(runner, [row]), 0), `row ${r}`)
      }
    }

    describe(`${tokens} at a time`, () => {
      test('behind one prompt', () => check(twelve, true))
      test('two of them', () => check(twelve.slice(3, 5)))
      test('behind a prompt under an adapter', () => check(guided, true))
      test('among rows of other prompts and lengths', () =>
        check([strangers[0]!, ...twelve, ...strangers.slice(1)], true))
      test('two prompts at once, in turn', () =>
        check(twelve.flatMap((context, k) => [context, ...guided.slice(k, k + 1)])))
      test('with nothing shared', () => check([twelve[0]!, guided[0]!, ...strangers], false))
    })
  }

  test('tokens that were read in a range of shared blocks are the past that a row has alone', async () => {
    const twin = twelve[0]!.fork(room)
    for (let i = 0; i < 70; i++) {
      const rows = twelve.map((context, r) => ({ context, tokens: [tokenAt(i, r)] }))
      const result = await run(runner, rows)
      for (const [r, { context }] of rows.entries()) context.append(result, r)
    }
    const later = [{ context: twelve[0]!, tokens: [7] }]
    const together = await run(runner, [...later, ...twelve.slice(1).map((context) => ({ context, tokens: [8] }))])
    await take(
      runner,
      twin,
      Array.from({ length: 70 }, (_, i) => tokenAt(i, 0)),
      1,
    )
    const alone = await run(runner, [{ context: twin, tokens: [7] }])
    assert.deepEqual(rowOf(runner, together, 0), rowOf(runner, alone, 0))
    twin.release()
  })

  test('every block comes back', () => {
    for (const context of [...twelve, ...guided, ...strangers]) context.release()
    assert.equal(runner.pool.held, 0)
  })
}

for (const weights of ['fp32', 'int8'] as const)
  for (const model of ['llama-llama3', 'llama-biases'])
    describe(`a row has the same bits whether its blocks are shared or its own, ${weights}, ${model}`, () =>
      testModel(model, weights))
