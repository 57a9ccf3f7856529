import { z } from 'zod'

const batchedLine = z.object({ speed_tg: z.number().positive(), pl: z.number(), n_kv: z.number() })

/** Tokens/s of the generation phase, from llama-batched-bench's `--output-format jsonl`. */
export function batchedDecodeRate(output: string): number {
  const line = output.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`llama-batched-bench printed no result:\n${output.slice(-1000)}`)
  return batchedLine.parse(JSON.parse(line)).speed_tg
}

const benchEntries = z.array(z.object({ n_prompt: z.number(), n_gen: z.number(), avg_ts: z.number().positive() }))

/** Tokens/s of reading a prompt of `tokens`, from llama-bench's `-o json`. */
export function promptRate(output: string, tokens: number): number {
  const entries = benchEntries.parse(JSON.parse(output.slice(output.indexOf('['))))
  const found = entries.find((entry) => entry.n_prompt === tokens && entry.n_gen === 0)
  if (found === undefined) throw new Error(`llama-bench measured no prompt of ${tokens} tokens:\n${output}`)
  return found.avg_ts
}
