import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { WeightFormat } from '../../src/decoding/local/engine-options.ts'
import type { RunningModel } from '../../src/decoding/local/loaded-model.ts'
import type { StepRow } from '../../src/decoding/local/step-row.ts'
import { randomAdapter, randomModel } from './checkpoints.ts'
import { modelSpec, openRunningModel } from './parity-engine.ts'
import { randomAdapterFor } from './random-guides.ts'

const folder = randomModel('llama-llama3')
/** On all projections, on q and v, on q and down: no two touch the same ones. */
const adapters = [
  { name: 'all', source: randomAdapter('llama-llama3-all') },
  { name: 'queries and values', source: randomAdapter('llama-llama3-qv') },
  { name: 'queries and down', source: randomAdapterFor(folder, 1) },
]

const open = (weights: WeightFormat, loaded: typeof adapters) =>
  openRunningModel({ ...modelSpec('base', folder, weights), adapters: loaded })

const row = (model: RunningModel, adapter: string | undefined, token: number): StepRow => ({
  context: model.runner.context(adapter, [token], 0),
  tokens: [token],
})

/** The logits of row `index`, and the keys and values it leaves behind. */
async function bitsOf(model: RunningModel, rows: readonly StepRow[], index: number) {
  const { runner } = model
  const result = await runner.run(rows, undefined, { logits: true, mixed: false, top: false })
  const { layerCount } = model.card.config
  const perRow = (values: Float32Array) => {
    const size = values.length / (layerCount * rows.length)
    const start = (layer: number) => (layer * rows.length + index) * size
    return Array.from({ length: layerCount }, (_, layer) => [...values.subarray(start(layer), start(layer) + size)])
  }
  const { vocabSize } = runner
  const logits = [...result.logits!.subarray(index * vocabSize, (index + 1) * vocabSize)]
  return { logits, keys: perRow(result.newKeys), values: perRow(result.newValues) }
}

for (const weights of ['fp32', 'int8', 'w8a8', 'int4'] as const)
  describe(`a row of an adapter has the same bits whatever rows are beside it, ${weights}`, async () => {
    const model = await open(weights, adapters)
    after(() => model.runner.close())
    const names = [undefined, ...adapters.map(({ name }) => name)]
    const alone = new Map<string | undefined, Awaited<ReturnType<typeof bitsOf>>>()
    for (const name of names) alone.set(name, await bitsOf(model, [row(model, name, 7)], 0))

    for (const name of names) {
      const own = () => row(model, name, 7)
      const others = (adapter: string | undefined, count: number) =>
        Array.from({ length: count }, (_, i) => row(model, adapter, 20 + 3 * i))
      const neighbours: Record<string, readonly [StepRow[], StepRow[]]> = {
        'rows of the base': [others(undefined, 3), others(undefined, 2)],
        'rows of the same adapter': [others(name, 2), others(name, 6)],
        'rows of the other adapters': [
          names.filter((other) => other !== name).flatMap((other) => others(other, 2)),
          names.filter((other) => other !== name).flatMap((other) => others(other, 1)),
        ],
        'rows of all, many': [names.flatMap((other) => others(other, 5)), names.flatMap((other) => others(other, 4))],
      }
      for (const [what, [before, behind]] of Object.entries(neighbours))
        test(`${name ?? 'the base'} among ${what}`, async () => {
          const found = await bitsOf(model, [...before, own(), ...behind], before.length)
          assert.deepEqual(found, alone.get(name))
        })
    }

    for (const adapter of adapters)
      test(`${adapter.name}, loaded alone and beside others`, async () => {
        const single = await open(weights, [adapter])
        assert.deepEqual(await bitsOf(single, [row(single, adapter.name, 7)], 0), alone.get(adapter.name))
        await single.runner.close()
      })

    test('adapters differ from the base and from one another', () => {
      const firsts = new Set(names.map((name) => alone.get(name)!.logits.join()))
      assert.equal(firsts.size, names.length)
    })
  })
