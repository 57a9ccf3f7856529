import type { GenerationUsage } from './engine-messages.ts'

/** An OpenAI reply tells its usage near its end. */
const tailBytes = 4096

/** Remembers the end of a reply that passes through, to find there what it used. Keeps pieces, copies nothing. */
export class UsageTail {
  #last: Uint8Array | undefined
  #before: Uint8Array | undefined

  note(piece: Uint8Array): void {
    this.#before = this.#last
    this.#last = piece
  }

  /** Undefined where it does not tell, as streams without `include_usage`, or is compressed. */
  read(): GenerationUsage | undefined {
    const pieces = [this.#before, this.#last].filter((piece) => piece !== undefined)
    const text = Buffer.concat(pieces.map((piece) => piece.subarray(-tailBytes))).toString('latin1')
    const usage = text.slice(text.lastIndexOf('"usage"'))
    const promptTokens = numberIn(usage, fields.promptTokens)
    if (promptTokens === undefined) return undefined
    return {
      promptTokens,
      completionTokens: numberIn(usage, fields.completionTokens) ?? 0,
      cachedTokens: numberIn(usage, fields.cachedTokens) ?? 0,
    }
  }
}

const fields = {
  promptTokens: /"prompt_tokens"\s*:\s*(\d{1,12})/,
  completionTokens: /"completion_tokens"\s*:\s*(\d{1,12})/,
  cachedTokens: /"cached_tokens"\s*:\s*(\d{1,12})/,
}

function numberIn(text: string, field: RegExp): number | undefined {
  const digits = field.exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
