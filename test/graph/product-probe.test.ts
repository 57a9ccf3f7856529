import assert from 'node:assert/strict'
import { test } from 'node:test'
import ort from 'onnxruntime-node'
import { probeInput, probeProduct, writeProductProbe } from '../../src/decoding/graph/product-probe.ts'

test('the exact kernel gives the product that the probe asks for', async () => {
  const exact = { extra: { session: { x64quantprecision: '1' } } }
  const session = await ort.InferenceSession.create(writeProductProbe(), exact)
  const { y } = await session.run({ x: new ort.Tensor('float32', probeInput.data, probeInput.dims) })
  assert.deepEqual(new Set(y!.data as Float32Array), new Set([probeProduct]))
  await session.release()
})
