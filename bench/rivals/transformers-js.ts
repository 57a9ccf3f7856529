import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchOptions } from '../bench-options.ts'
import { MissingRival } from '../missing.ts'
import { type GenerationWorker, startGenerationWorker } from './generation-worker.ts'

const folder = fileURLToPath(new URL('./transformers-js', import.meta.url))

/** transformers.js on the same onnxruntime-node, with the file its users take by `dtype: 'q8'`. @throws MissingRival */
export async function startTransformersJs({ onnx, threads }: BenchOptions): Promise<GenerationWorker> {
  if (!existsSync(join(folder, 'node_modules/@huggingface/transformers')))
    throw new MissingRival('transformers.js', 'npm ci --prefix bench/rivals/transformers-js')
  if (onnx === undefined || !existsSync(join(onnx, 'onnx/model_quantized.onnx')))
    throw new MissingRival(
      'transformers.js',
      'export the model with bench/rivals/transformers-js/export.py and give the folder with --onnx or TRIMTAB_BENCH_ONNX',
    )
  return await startGenerationWorker(process.execPath, ['generate.mjs', onnx, `${threads}`], { cwd: folder })
}
