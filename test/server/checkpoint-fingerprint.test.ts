import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkpointFingerprint } from '../../src/server/checkpoint-fingerprint.ts'
import type { EngineSetup, ModelCard } from '../../src/server/engine-messages.ts'
import { assertModelFolders } from '../../src/server/model-folders.ts'
import { newReplyIdentity } from '../../src/server/reply-identity.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'

const root = temporaryFolder()

function checkpoint(name: string, config: string, weights: Uint8Array): string {
  const folder = join(root, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.json'), config)
  writeFileSync(join(folder, 'model.safetensors'), weights)
  writeFileSync(join(folder, 'README.md'), name)
  return folder
}

const weights = (value: number) => new Uint8Array(3_000_000).fill(value)

describe('the fingerprint of a checkpoint', () => {
  const one = checkpoint('one', '{}', weights(1))

  it('is the same for the same files elsewhere', () => {
    assert.equal(checkpointFingerprint([one]), checkpointFingerprint([checkpoint('copy', '{}', weights(1))]))
  })

  it('is another for other weights, another configuration, or an adapter', () => {
    const others = [
      [checkpoint('trained', '{}', weights(2))],
      [checkpoint('configured', '{"a":1}', weights(1))],
      [checkpoint('longer', '{}', new Uint8Array(3_000_001).fill(1))],
      [one, one],
    ]
    const found = new Set([[one], ...others].map(checkpointFingerprint))
    assert.equal(found.size, 5)
  })

  it('shows in system_fingerprint', () => {
    const card: ModelCard = { name: 'tiny', weights: 'int8', contextLength: 9, hasChatTemplate: true, checkpoint: 'a' }
    const of = (change: Partial<ModelCard>) =>
      newReplyIdentity('cmpl-', 'tiny', { ...card, ...change }).systemFingerprint
    assert.equal(of({}), of({}))
    assert.notEqual(of({}), of({ checkpoint: 'b' }))
  })
})

describe('a folder that is no checkpoint', () => {
  const setup = (source: string, adapter?: string) => {
    const adapters = adapter === undefined ? [] : [{ name: 'kind', source: adapter }]
    return { models: [{ name: 'tiny', source, adapters }] } as unknown as EngineSetup
  }

  it('is told with the remedy, the model and the folder', () => {
    const empty = join(root, 'empty')
    mkdirSync(empty)
    assert.throws(() => assertModelFolders(setup(empty)), {
      name: 'ConfigError',
      message: `the model 'tiny': the folder ${empty} has no config.json; give one in Hugging Face layout, or a hub id (org/name).`,
    })
    const one = join(root, 'one')
    assert.throws(() => assertModelFolders(setup(one, one)), /the guide 'kind': .* has no adapter_config.json/)
    assert.throws(() => assertModelFolders(setup(join(root, 'nowhere'))), /does not exist/)
    assertModelFolders(setup(one))
  })
})
