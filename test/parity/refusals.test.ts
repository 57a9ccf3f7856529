import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { ModelSpec } from '../../src/decoding/local/engine-options.ts'
import { assertGuidesFit } from '../../src/server/model-directory.ts'
import { temporaryFolder, writeTinyCheckpoint } from '../checkpoint/fixtures.ts'
import { writeTinyAdapter } from '../checkpoint/tiny-adapter.ts'
import { type FixtureTensor, writeSafetensors } from '../checkpoint/write-safetensors.ts'
import { randomModel } from './checkpoints.ts'
import { answer, engineOptions, modelSpec, openQuietly } from './parity-engine.ts'

type Tensors = Record<string, FixtureTensor>

/** A tiny checkpoint whose tensors were changed after it was written. */
function changedCheckpoint(change: (tensors: Tensors) => void): string {
  const { folder, tensors } = writeTinyCheckpoint(temporaryFolder())
  const changed = { ...tensors }
  change(changed)
  writeSafetensors(join(folder, 'model.safetensors'), changed)
  return folder
}

/** Opening must fail with a message that matches, and leave nothing half-made in the cache of prepared graphs. */
async function refuses(spec: ModelSpec, message: RegExp): Promise<void> {
  const options = engineOptions({ cacheFolder: join(temporaryFolder(), 'graphs') })
  await assert.rejects(openQuietly([spec], options), { name: 'CheckpointError', message })
  assert.deepEqual(existsSync(options.cacheFolder) ? readdirSync(options.cacheFolder) : [], [])
}

const withValue = (tensor: FixtureTensor, value: number): FixtureTensor => {
  const values = Float32Array.from(tensor.values)
  values[Math.floor(values.length / 2)] = value
  return { ...tensor, values }
}

const withAdapter = (folder: string, source: string): ModelSpec => ({
  ...modelSpec('base', folder),
  adapters: [{ name: 'adapter', source }],
})

const attention = 'model.layers.1.self_attn.k_proj.weight'

describe('the engine refuses a checkpoint', () => {
  test('with a missing tensor', () =>
    refuses(
      modelSpec(
        'base',
        changedCheckpoint((tensors) => delete tensors[attention]),
      ),
      /layers\.1\.self_attn\.k_proj\.weight' is missing/,
    ))

  test('with a tensor of another shape', async () => {
    const folder = changedCheckpoint((tensors) => {
      tensors[attention] = { shape: [8, 32], values: new Float32Array(256) }
    })
    await refuses(modelSpec('base', folder), /k_proj\.weight.*\[8, 32\].*\[16, 32\]/)
  })

  test('with a truncated file', async () => {
    const { folder } = writeTinyCheckpoint(temporaryFolder())
    const file = join(folder, 'model.safetensors')
    truncateSync(file, Math.floor(readFileSync(file).length * 0.7))
    await refuses(modelSpec('base', folder), /model\.safetensors.*(cut off|truncated|incomplete|bytes)/)
  })

  for (const weights of ['fp32', 'int8', 'w8a8', 'int4'] as const)
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      test(`with ${value} among its weights, to be kept as ${weights}`, async () => {
        const folder = changedCheckpoint((tensors) => {
          tensors[attention] = withValue(tensors[attention]!, value)
        })
        await refuses(modelSpec('base', folder, weights), /k_proj\.weight.*(NaN|[Ii]nfinity|not finite)/)
      })

  test('with NaN in the output norm, the last tensor that is read', async () => {
    const folder = changedCheckpoint((tensors) => {
      tensors['model.norm.weight'] = withValue(tensors['model.norm.weight']!, Number.NaN)
    })
    await refuses(modelSpec('base', folder), /model\.norm\.weight.*NaN/)
  })
})

describe('the engine refuses an adapter', () => {
  test('of a base with more layers', async () => {
    const adapter = temporaryFolder()
    writeTinyAdapter(adapter, { layers: 3 })
    const { folder } = writeTinyCheckpoint(temporaryFolder())
    await refuses(withAdapter(folder, adapter), /an adapter for another base.*the base has 2 layers/)
  })

  test('of a base with another width', async () => {
    const adapter = temporaryFolder()
    writeTinyAdapter(adapter)
    await refuses(withAdapter(randomModel('llama-llama3'), adapter), /an adapter for another base: tensor/)
  })

  test('with NaN in it', async () => {
    const adapter = temporaryFolder()
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight'
    writeTinyAdapter(adapter, {
      tensors: { [name]: { shape: [32, 4], values: new Float32Array(128).fill(Number.NaN) } },
    })
    const { folder } = writeTinyCheckpoint(temporaryFolder())
    await refuses(withAdapter(folder, adapter), /q_proj\.lora_B.*NaN/)
  })
})

test('a guide with another vocabulary is refused with the differing ids', async () => {
  const { folder } = writeTinyCheckpoint(temporaryFolder())
  const engine = await openQuietly([modelSpec('base', folder), modelSpec('module', randomModel('qwen3'))])
  const guides = new Map([['reasoner', { kind: 'unir', model: 'module', adapter: undefined }] as const])
  const catalogue = { guides, objectives: new Map() }
  assert.throws(() => assertGuidesFit(engine.models, ['base'], catalogue), {
    name: 'CheckpointError',
    message: /'reasoner' has another vocabulary.*\b\d+\b.*differ/,
  })
  await engine.close()
})

test('after a refusal the same folder, put right, is served', async () => {
  const { folder, tensors } = writeTinyCheckpoint(temporaryFolder())
  writeSafetensors(join(folder, 'model.safetensors'), {
    ...tensors,
    [attention]: withValue(tensors[attention]!, Number.NaN),
  })
  const options = engineOptions({ cacheFolder: join(temporaryFolder(), 'graphs') })
  await assert.rejects(openQuietly([modelSpec('base', folder)], options), { name: 'CheckpointError' })
  writeSafetensors(join(folder, 'model.safetensors'), tensors)
  const engine = await openQuietly([modelSpec('base', folder)], options)
  const term = { model: 'base', adapter: undefined, promptIds: [7, 8, 9], coefficient: 1 }
  assert.equal((await answer(engine, [term], { maxTokens: 5 })).draws.length, 5)
  await engine.close()
})
