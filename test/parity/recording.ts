import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'

/** What transformers computed at one position: some ids' logits and the log-sum-exp over the whole vocabulary. */
export interface RecordedPosition {
  /** 32 ids spread over the vocabulary, then the most likely ones, best first. */
  readonly ids: readonly number[]
  readonly logits: readonly number[]
  readonly logSumExp: number
  readonly bestId: number
}

/** One prompt with its teacher-forced continuation and its greedy one. */
export interface RecordedPrompt {
  readonly promptIds: readonly number[]
  readonly forcedIds: readonly number[]
  readonly positions: readonly RecordedPosition[]
  readonly greedyIds: readonly number[]
  readonly greedyLogprobs: readonly number[]
  readonly greedyText: string
}

export interface Recording {
  readonly vocabSize: number
  readonly prompts: readonly RecordedPrompt[]
  readonly weightsSha256: string
}

interface Head {
  readonly vocabSize: number
  readonly promptLengths: readonly number[]
  readonly positions: number
  readonly greedyTokens: number
  readonly spread: number
  readonly best: number
  readonly step: number
  readonly greedyTexts: readonly string[]
  readonly weightsSha256: string
}

/** Reads what test/reference/record_logits.py wrote: `${path}.json` and `${path}.bin`. */
export function readRecording(path: string): Recording {
  const head = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Head
  const numbers = joinPlanes(inflateSync(readFileSync(`${path}.bin`)))
  let offset = 0
  const take = (count: number) => {
    offset += count
    return Array.from(numbers.subarray(offset - count, offset))
  }
  const real = (values: readonly number[]) => values.map((value) => value * head.step)
  const promptIds = head.promptLengths.map((length) => take(length))
  const forcedIds = promptIds.map(() => take(head.positions))
  const greedyIds = promptIds.map(() => take(head.greedyTokens))
  const greedyLogprobs = promptIds.map(() => real(take(head.greedyTokens)))
  let n = 0
  const position = (): RecordedPosition => {
    const spread = spreadIds(head, n++)
    const spreadLogits = take(head.spread)
    const best = take(head.best)
    const logits = real([...spreadLogits, ...take(head.best)])
    return { ids: [...spread, ...best], logits, logSumExp: real(take(1))[0]!, bestId: best[0]! }
  }
  const prompts = promptIds.map((ids, i) => ({
    promptIds: ids,
    forcedIds: forcedIds[i]!,
    positions: Array.from({ length: head.positions }, position),
    greedyIds: greedyIds[i]!,
    greedyLogprobs: greedyLogprobs[i]!,
    greedyText: head.greedyTexts[i]!,
  }))
  if (offset !== numbers.length) throw new Error(`${path}.bin has ${numbers.length} numbers, expected ${offset}`)
  return { vocabSize: head.vocabSize, prompts, weightsSha256: head.weightsSha256 }
}

/** SHA-256 over the safetensors files of these folders, as the recording script computes it. */
export function weightsSha256(folders: readonly string[]): string {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
    for (const file of files.sort()) hash.update(readFileSync(join(folder, file)))
  }
  return hash.digest('hex')
}

const spreadIds = ({ spread, vocabSize }: Head, n: number): number[] =>
  Array.from({ length: spread }, (_, k) => (Math.floor((k * vocabSize) / spread) + 37 * n) % vocabSize)

function joinPlanes(bytes: Buffer): Int32Array {
  const count = bytes.length / 4
  const byte = (plane: number, i: number) => bytes[plane * count + i]!
  return Int32Array.from(
    { length: count },
    (_, i) => byte(0, i) | (byte(1, i) << 8) | (byte(2, i) << 16) | (byte(3, i) << 24),
  )
}
