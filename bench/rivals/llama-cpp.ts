import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { BenchOptions } from '../bench-options.ts'
import { runProgram } from '../child.ts'
import { MissingRival } from '../missing.ts'
import { type LlamaPrograms, openLlama } from './llama-folder.ts'
import { batchedDecodeRate, promptRate } from './llama-output.ts'

/** llama.cpp with a Q8_0 file of the model: blocks of 32 weights of 8 bits, the twin of `int8`. */
export interface LlamaCpp {
  readonly programs: LlamaPrograms
  readonly gguf: string
  /** Tokens/s of `streams` sequences of their own prompts. llama-batched-bench draws no tokens. */
  decodeRate(streams: number, promptTokens: number, newTokens: number): Promise<number>
  /** Tokens/s of reading a prompt of `tokens`. */
  prefillRate(tokens: number): Promise<number>
  close(): void
}

/** @throws MissingRival without programs, or without a GGUF to start from */
export async function openLlamaCpp(options: BenchOptions): Promise<LlamaCpp> {
  const programs = openLlama(options.llama)
  try {
    const gguf = await quantised(options, programs)
    const run = (name: 'llama-batched-bench' | 'llama-bench', parameters: readonly string[]) =>
      runProgram(programs.program(name), ['-m', gguf, '-t', `${options.threads}`, ...parameters], { env: programs.env })
    return {
      programs,
      gguf,
      async decodeRate(streams, promptTokens, newTokens) {
        const room = streams * (promptTokens + newTokens) + 256
        const shape = ['-c', `${room}`, '-npp', `${promptTokens}`, '-ntg', `${newTokens}`, '-npl', `${streams}`]
        return batchedDecodeRate(await run('llama-batched-bench', [...shape, '--output-format', 'jsonl']))
      },
      async prefillRate(tokens) {
        return promptRate(await run('llama-bench', ['-p', `${tokens}`, '-n', '0', '-r', '3', '-o', 'json']), tokens)
      },
      close: programs.close,
    }
  } catch (error) {
    programs.close()
    throw error
  }
}

/** The file itself where it is Q8_0, or one that llama-quantize makes from it: size and speed are those of Q8_0 either way. */
async function quantised({ gguf, work, say }: BenchOptions, programs: LlamaPrograms): Promise<string> {
  if (gguf === undefined || !existsSync(gguf))
    throw new MissingRival('llama.cpp', 'give a GGUF of the model with --gguf (any format: Q8_0 is made from it)')
  if (/q8_0\.gguf$/i.test(gguf)) return gguf
  const made = join(work, basename(gguf).replace(/(\.[^.]+)?\.gguf$/, '.Q8_0.gguf'))
  if (existsSync(made)) return made
  mkdirSync(work, { recursive: true })
  say(`making ${made}`)
  const draft = `${made}.draft`
  await runProgram(programs.program('llama-quantize'), ['--allow-requantize', gguf, draft, 'Q8_0'], {
    env: programs.env,
  })
  renameSync(draft, made)
  return made
}
