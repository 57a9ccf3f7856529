import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openCheckpoint } from '../../src/decoding/checkpoint/checkpoint.ts'
import { type TinyConfig, temporaryFolder, writeTinyCheckpoint } from './fixtures.ts'
import { tinyEosId } from './tiny-tokenizer.ts'
import { type FixtureTensor, writeSafetensors } from './write-safetensors.ts'

const open = (folder: string) => openCheckpoint(folder, { cacheFolder: temporaryFolder() })

/** Opens a tiny checkpoint whose tensors were changed after it was written. */
function openChanged(change: (tensors: Record<string, FixtureTensor>) => void, config: TinyConfig = {}) {
  const { folder, tensors } = writeTinyCheckpoint(temporaryFolder(), config)
  const changed = { ...tensors }
  change(changed)
  writeSafetensors(join(folder, 'model.safetensors'), changed)
  return open(folder)
}

const refuses = (opening: Promise<unknown>, message: RegExp) =>
  assert.rejects(opening, { name: 'CheckpointError', message })

describe('a complete folder opens', () => {
  for (const name of ['Llama', 'Qwen2', 'Qwen3', 'Mistral']) {
    test(`of ${name} in bf16 shards`, async () => {
      const options = { dtype: 'BF16', shards: 3 } as const
      const { folder, tensors } = writeTinyCheckpoint(
        temporaryFolder(),
        { architectures: [`${name}ForCausalLM`] },
        options,
      )
      const checkpoint = await open(folder)
      assert.deepEqual(checkpoint.tensors.names, new Set(Object.keys(tensors)))
      assert.deepEqual(checkpoint.eosTokenIds, [tinyEosId])
      assert.deepEqual(checkpoint.unusedTensors, [])
      assert.ok(checkpoint.chatTemplate)
      assert.equal(checkpoint.tensors.read('model.norm.weight', [32]).length, 32)
    })
  }

  test('with tied embeddings that are written out all the same, or further heads', async () => {
    const add = (tensors: Record<string, FixtureTensor>) => {
      tensors['lm_head.weight'] = tensors['model.embed_tokens.weight']!
      tensors['value_head.weight'] = { shape: [1], values: [0] }
    }
    const checkpoint = await openChanged(add, { tie_word_embeddings: true })
    assert.deepEqual(checkpoint.unusedTensors, ['value_head.weight'])
  })

  test('with rotary buffers of old transformers versions', async () => {
    const name = 'model.layers.0.self_attn.rotary_emb.inv_freq'
    const checkpoint = await openChanged((tensors) => {
      tensors[name] = { shape: [4], values: [1, 1, 1, 1] }
    })
    assert.deepEqual(checkpoint.unusedTensors, [])
  })
})

describe('an incomplete or contradictory folder is refused as a whole', () => {
  test('when a tensor is missing', async () => {
    const missing = 'model.layers.1.mlp.up_proj.weight'
    await refuses(
      openChanged((tensors) => delete tensors[missing]),
      /tensor 'model.layers.1.mlp.up_proj.weight' is missing/,
    )
    await refuses(
      openChanged((tensors) => delete tensors['lm_head.weight']),
      /'lm_head.weight' is missing/,
    )
  })

  test('when a tensor has another shape', async () => {
    const change = (tensors: Record<string, FixtureTensor>) => {
      tensors['model.norm.weight'] = { shape: [31], values: new Array(31).fill(1) }
    }
    await refuses(openChanged(change), /'model.norm.weight': its shape is \[31\]; the config asks for \[32\]/)
  })

  test('when a layer has a bias that the config denies', async () => {
    const name = 'model.layers.0.self_attn.q_proj.bias'
    const add = (tensors: Record<string, FixtureTensor>) => {
      tensors[name] = { shape: [32], values: new Array(32).fill(0) }
    }
    await refuses(openChanged(add), /q_proj.bias' of shape \[32\] is not part of a LlamaForCausalLM/)
  })

  test('when a file is missing or is not JSON', async () => {
    for (const file of ['config.json', 'tokenizer.json', 'model.safetensors']) {
      const { folder } = writeTinyCheckpoint(temporaryFolder())
      rmSync(join(folder, file))
      await refuses(open(folder), new RegExp(file.replace('.', '\\.')))
    }
    const { folder } = writeTinyCheckpoint(temporaryFolder())
    writeFileSync(join(folder, 'config.json'), '{"hidden_size": ')
    await refuses(open(folder), /config\.json is not JSON/)
    writeFileSync(join(folder, 'config.json'), '{"hidden_size": "32"}')
    await refuses(open(folder), /config\.json: field 'hidden_size'/)
  })

  test('when the tokenizer has more ids than the embedding matrix has rows', async () => {
    const { folder } = writeTinyCheckpoint(temporaryFolder(), { vocab_size: 268 })
    await refuses(open(folder), /token '<tool>' has id 268, but the embedding matrix only 268 rows/)
  })

  test('when there is no such folder', async () => {
    await refuses(open('/no/such/folder'), /neither a folder here nor a hub id/)
  })
})

describe('end-of-sequence ids', () => {
  test('come from generation_config.json, else config.json, else the tokenizer', async () => {
    const { folder } = writeTinyCheckpoint(temporaryFolder(), { eos_token_id: 1 })
    const generation = join(folder, 'generation_config.json')
    writeFileSync(generation, JSON.stringify({ eos_token_id: [0, 2, 0] }))
    assert.deepEqual((await open(folder)).eosTokenIds, [0, 2])
    rmSync(generation)
    assert.deepEqual((await open(folder)).eosTokenIds, [1])
    const bare = writeTinyCheckpoint(temporaryFolder(), { eos_token_id: null }).folder
    rmSync(join(bare, 'generation_config.json'))
    assert.deepEqual((await open(bare)).eosTokenIds, [tinyEosId])
  })

  test('outside the vocabulary are refused', async () => {
    const { folder } = writeTinyCheckpoint(temporaryFolder())
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: 9999 }))
    await refuses(open(folder), /eos_token_id 9999/)
  })
})

test('the content hash follows config and weights and nothing else', async () => {
  const { folder } = writeTinyCheckpoint(temporaryFolder())
  const hash = await (await open(folder)).contentHash()
  assert.match(hash, /^[0-9a-f]{64}$/)
  const copy = temporaryFolder()
  cpSync(folder, copy, { recursive: true })
  writeFileSync(join(copy, 'README.md'), 'another file')
  assert.equal(await (await open(copy)).contentHash(), hash)
  const weights = readFileSync(join(copy, 'model.safetensors'))
  weights[weights.length - 2]! ^= 1
  writeFileSync(join(copy, 'model.safetensors'), weights)
  assert.notEqual(await (await open(copy)).contentHash(), hash)
})
