import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchOptions } from '../bench-options.ts'
import { MissingRival } from '../missing.ts'
import { type GenerationWorker, startGenerationWorker } from './generation-worker.ts'

const folder = fileURLToPath(new URL('./node-llama-cpp', import.meta.url))

/** node-llama-cpp with its own prebuilt llama.cpp. @throws MissingRival */
export async function startNodeLlamaCpp(gguf: string, { threads }: BenchOptions): Promise<GenerationWorker> {
  if (!existsSync(join(folder, 'node_modules/node-llama-cpp')))
    throw new MissingRival('node-llama-cpp', 'npm ci --prefix bench/rivals/node-llama-cpp')
  return await startGenerationWorker(process.execPath, ['generate.mjs', gguf, `${threads}`], { cwd: folder })
}
