import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WeightFormat } from '../../src/decoding/local/engine-options.ts'
import { committedCheckpoints, type RecordedCheckpoint } from './checkpoints.ts'
import { engineOptions, modelSpec, openRunningModel } from './parity-engine.ts'
import { readRecording } from './recording.ts'
import { divergence } from './weight-divergence.ts'

const full = process.env['TRIMTAB_PARITY'] === 'full'

/**
 * Most mean KL to fp32 in nats. Random weights of this size measure about 0.003, 0.01 and 0.5; a projection that is wrong
 * measures above 3.
 */
const bounds: readonly (readonly [WeightFormat, number])[] = [
  ['int8', 0.02],
  ['w8a8', 0.05],
  ['int4', 1.5],
]

describe('every weight format computes nearly what fp32 does', () => {
  const all = committedCheckpoints()
  const chosen = full ? all : all.filter(({ adapter, name }) => adapter === undefined || !name.startsWith('tiny'))
  for (const checkpoint of chosen)
    for (const [weights, bound] of bounds)
      test(`${weights}, ${checkpoint.name}`, () => compare(checkpoint, weights, bound))
})

async function compare(checkpoint: RecordedCheckpoint, weights: WeightFormat, bound: number): Promise<void> {
  const prompts = readRecording(checkpoint.recording).prompts.filter((_, i) => full || i % 5 === 0)
  const adapter = checkpoint.adapter === undefined ? undefined : 'adapter'
  const adapters = checkpoint.adapter === undefined ? [] : [{ name: 'adapter', source: checkpoint.adapter }]
  const open = (format: WeightFormat) =>
    openRunningModel({ ...modelSpec('model', checkpoint.folder, format), adapters }, engineOptions())
  const exact = await open('fp32')
  const model = await open(weights)
  const { meanKl } = await divergence(exact, model, adapter, prompts)
  await exact.runner.close()
  await model.runner.close()
  assert.ok(meanKl <= bound, `mean KL ${meanKl}`)
}
