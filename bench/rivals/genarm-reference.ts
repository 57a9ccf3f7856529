import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BenchOptions } from '../bench-options.ts'
import { runProgram } from '../child.ts'
import { MissingRival } from '../missing.ts'
import { type GenerationWorker, startGenerationWorker } from './generation-worker.ts'

const script = fileURLToPath(new URL('./genarm_reference.py', import.meta.url))
const howTo = 'pip install torch transformers, and give that Python with --python or TRIMTAB_BENCH_PYTHON'

/** GenARM as its reference engine computes it, in PyTorch with Hugging Face transformers. @throws MissingRival */
export async function startGenarmReference(
  guide: string,
  { model, python, threads }: BenchOptions,
): Promise<GenerationWorker> {
  if (python === undefined) throw new MissingRival('reference engine', howTo)
  const hasPath = python.includes('/')
  if (hasPath && !existsSync(python)) throw new MissingRival('reference engine', `there is no ${python}; ${howTo}`)
  try {
    await runProgram(python, ['-c', 'import torch, transformers'])
  } catch (error) {
    throw new MissingRival('reference engine', `${howTo} (${lastLine(error)})`)
  }
  return await startGenerationWorker(python, [script, model, guide, `${threads}`])
}

const lastLine = (error: unknown): string => String(error).trim().split('\n').at(-1)!
