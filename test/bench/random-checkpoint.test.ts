import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { randomAdapter } from '../../bench/checkpoints/random-adapter.ts'
import { randomCheckpoint } from '../../bench/checkpoints/random-checkpoint.ts'
import { bf16, normalValues } from '../../bench/checkpoints/random-values.ts'
import { qwen05, qwen15, smallBody, smollm2 } from '../../bench/checkpoints/shapes.ts'
import { kvBytes, multiplyAddsPerToken, weightBytesPerStep } from '../../bench/measures/weight-bytes.ts'
import { modelConfigOf } from '../../bench/model-config-of.ts'
import { decodeRate, openOurs, openStream } from '../../bench/our-engine.ts'
import { promptIds } from '../../bench/prompts.ts'
import { parseModelConfig } from '../../src/decoding/checkpoint/model-config.ts'

const work = mkdtempSync(join(tmpdir(), 'trimtab-bench-test-'))
after(() => rmSync(work, { recursive: true }))

const tiny = {
  ...smallBody(400),
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 32,
}
const configOf = (shape: typeof tiny | typeof qwen05) =>
  parseModelConfig('shape', { ...shape, architectures: [...shape.architectures] })

describe('a checkpoint with random weights', () => {
  it('is decoded by the engine, with and without a random adapter', async () => {
    const folder = randomCheckpoint(work, 'tiny', tiny, () => {})
    const adapters = [{ name: 'guide', source: randomAdapter(join(work, 'adapter'), folder, 1) }]
    const spec = { name: 'm', source: folder, weights: 'int8' as const, adapters, contextLength: 256 }
    const engine = await openOurs([spec], { threads: 1, work, say: () => {}, memoryBytes: 2 ** 24 })
    try {
      const prompt = promptIds(engine.models.get('m')!.tokenizer, 1, 100)
      assert.equal(prompt.length, 100)
      const terms = [undefined, 'guide'].map((adapter) => ({
        model: 'm',
        adapter,
        promptIds: prompt,
        coefficient: 0.5,
      }))
      assert.ok((await decodeRate(engine, [openStream(engine, terms, 1, 8)], 8)) > 0)
      assert.deepEqual(engine.stats().blocks.live, 0)
    } finally {
      await engine.close()
    }
  })

  it('is made once', () => {
    const said: string[] = []
    randomCheckpoint(work, 'tiny', tiny, (line) => said.push(line))
    assert.deepEqual(said, [])
    assert.equal(modelConfigOf(join(work, 'checkpoints', 'tiny')).vocabSize, 400)
  })

  it('has values of the deviation that was asked for', () => {
    const bits = normalValues(0.5).next(100_000)
    const values = Array.from(bits, (half) => new Float32Array(new Uint32Array([half << 16]).buffer)[0]!)
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
    assert.ok(Math.abs(deviation - 0.5) < 0.01, `${deviation}`)
    assert.equal(bf16(1), 0x3f80)
  })
})

describe('what a step reads', () => {
  it('is the projections and the output matrix with their scales', () => {
    const config = configOf(tiny)
    // q, o: 64 x 64; k, v: 32 x 64; gate, up, down: 96 x 64 or 64 x 96
    const layer = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64
    const values = 2 * layer + 400 * 64
    assert.equal(multiplyAddsPerToken(config), values)
    assert.equal(weightBytesPerStep(config, 'int8'), values + 4 * (values / 32))
    assert.equal(weightBytesPerStep(config, 'fp32'), 4 * values)
  })

  it('has the published sizes of the real shapes', () => {
    assert.equal(Math.round(multiplyAddsPerToken(configOf(smollm2)) / 1e6), 134)
    assert.equal(Math.round(multiplyAddsPerToken(configOf(qwen05)) / 1e6), 494)
    assert.equal(Math.round(multiplyAddsPerToken(configOf(qwen15)) / 1e6), 1544)
    assert.equal(kvBytes(configOf(qwen05), 1), 24 * 1024)
  })
})

describe('prompts', () => {
  const letters = { encode: (text: string) => [...text].map((letter) => letter.charCodeAt(0)) }

  it('have the exact length, belong to their seed, and continue shorter ones', () => {
    assert.equal(promptIds(letters, 3, 5000).length, 5000)
    assert.deepEqual(promptIds(letters, 3, 700), promptIds(letters, 3, 5000).slice(0, 700))
    assert.notDeepEqual(promptIds(letters, 3, 64), promptIds(letters, 4, 64))
  })
})
