import assert from 'node:assert/strict'
import { after } from 'node:test'
import { decoderContract } from '../decoding/decoder-contract.ts'
import { toyEngine, toyPrompt, toyRequest } from './toy-engine.ts'

const engine = await toyEngine()
after(() => engine.close())

decoderContract('the local engine', async () => ({
  decoder: engine,
  terms: (tokens) => toyRequest(toyPrompt(tokens)).terms,
  contextLength: engine.models.get('toy')!.contextLength,
  assertIdle() {
    const { blocks, running, waiting } = engine.stats()
    assert.deepEqual([blocks.live, blocks.reserved, running, waiting], [0, 0, 0, 0])
  },
}))
