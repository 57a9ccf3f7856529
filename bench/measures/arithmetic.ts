import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GraphBuilder } from '../../src/decoding/graph/graph-builder.ts'
import { OnnxSession } from '../../src/decoding/local/onnx-session.ts'

const [rows, columns, outputs] = [512, 2048, 8192]
const block = 32

/** Multiplies as `int8` weights do, at a shape that leaves nothing to wish for. */
export interface ArithmeticMeter {
  /** Multiply-adds/s, the best of a few products. */
  measure(): Promise<number>
  close(): Promise<void>
}

/** One product of 512 rows with 2048 x 8192 weights of 8 bits in blocks of 32 (MatMulNBits), by as many threads as the engine. */
export async function openArithmeticMeter(threads: number): Promise<ArithmeticMeter> {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-arithmetic-'))
  const graph = new GraphBuilder(folder)
  const blocks = columns / block
  const weights = Uint8Array.from({ length: outputs * columns }, (_, i) => Math.imul(i, 2654435761) >>> 24)
  const weight = graph.weight('weight', weights, [outputs, blocks, block])
  const scales = graph.weight('scales', new Float32Array(outputs * blocks).fill(0.01), [outputs * blocks])
  const x = graph.input('x', 'float32', ['rows', columns])
  const attributes = { K: columns, N: outputs, bits: 8, block_size: block, accuracy_level: 4 }
  graph.node('MatMulNBits', [x, weight, scales], { name: 'y', domain: 'com.microsoft', attributes })
  graph.output('y', 'float32', ['rows', outputs])
  await graph.finish()
  const session = await OnnxSession.open(join(folder, 'model.onnx'), threads)
  const data = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i))
  const feeds = new Map([['x', { data, dims: [rows, columns] }]])
  return {
    async measure() {
      let best = Number.POSITIVE_INFINITY
      for (let i = 0; i < 5; i++) {
        const start = performance.now()
        await session.run(feeds, ['y'])
        best = Math.min(best, (performance.now() - start) / 1000)
      }
      return (rows * columns * outputs) / best
    },
    async close() {
      await session.close()
      rmSync(folder, { recursive: true })
    },
  }
}
