import type { TokenizerAdapter } from '../decoding/checkpoint/tokenizer.ts'
import type { TokenDraw } from '../decoding/decoder.ts'
import type { TokenReport } from './engine-messages.ts'

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** A token's own text: bytes that are no whole character show as U+FFFD, special tokens by their name. */
export function tokenText(id: number, tokenizer: TokenizerAdapter): string {
  return decoder.decode(tokenBytes(id, tokenizer))
}

/** A draw as `logprobs` shows it. */
export function reportToken(draw: TokenDraw, tokenizer: TokenizerAdapter): TokenReport {
  const top = (draw.top ?? []).map(({ id, logprob }) => report(id, logprob, tokenizer))
  return { ...report(draw.id, draw.logprob, tokenizer), top }
}

function report(id: number, logprob: number, tokenizer: TokenizerAdapter): Omit<TokenReport, 'top'> {
  const bytes = tokenBytes(id, tokenizer)
  return { token: decoder.decode(bytes), bytes: [...bytes], logprob }
}

function tokenBytes(id: number, tokenizer: TokenizerAdapter): Uint8Array {
  if (!tokenizer.specialIds.has(id)) return tokenizer.bytesOf(id)
  return encoder.encode(tokenizer.tokenOf(id) ?? '')
}
