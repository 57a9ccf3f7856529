import type { Draw } from '../head-draw.ts'
import type { LogitRow } from '../mix.ts'
import { drawFromLogits } from '../sampler.ts'
import type { SamplingParams } from '../sampling-params.ts'
import type { SelectionScratch } from '../top-logits.ts'
import { GrammarError } from './grammar-error.ts'
import { emptyMask, type TokenMask } from './token-masks.ts'

/** Which tokens may be drawn; `ends` end the answer, and are possible just where it is complete. */
export interface AllowedTokens {
  readonly mask: TokenMask
  readonly ends: readonly number[]
  readonly complete: boolean
}

/** Buffers for one draw at a time. */
export interface AllowedScratch {
  readonly mask: TokenMask
  readonly ids: Int32Array
  readonly logits: Float64Array
}

export function allowedScratch(vocabularySize: number): AllowedScratch {
  return {
    mask: emptyMask(vocabularySize),
    ids: new Int32Array(vocabularySize),
    logits: new Float64Array(vocabularySize),
  }
}

/**
 * Draws from the law of `drawFromLogits`, with all tokens that are not allowed at -Infinity: they are left out, which is the
 * same law over a shorter row, with the order of ids kept.
 * @throws GrammarError when no token is allowed; and as `drawFromLogits`
 */
export function drawAllowed(
  logits: LogitRow,
  allowed: AllowedTokens,
  params: SamplingParams,
  u: number,
  scratch: { readonly selection: SelectionScratch; readonly allowed: AllowedScratch },
): Draw {
  const { ids, logits: kept } = scratch.allowed
  const count = gather(logits, withEnds(allowed, scratch.allowed.mask), scratch.allowed)
  if (count === 0) throw new GrammarError('no token of the vocabulary can follow')
  const { id, top, logprob } = drawFromLogits(kept.subarray(0, count), params, u, scratch.selection)
  return { id: ids[id]!, logprob, top: top?.map((one) => ({ ...one, id: ids[one.id]! })) }
}

function withEnds({ mask, ends, complete }: AllowedTokens, scratch: TokenMask): TokenMask {
  scratch.set(mask)
  for (const id of ends) {
    const bit = 1 << (id & 31)
    if (complete) scratch[id >> 5]! |= bit
    else scratch[id >> 5]! &= ~bit
  }
  return scratch
}

function gather(logits: LogitRow, mask: TokenMask, { ids, logits: kept }: AllowedScratch): number {
  const words = (logits.length + 31) >> 5
  let count = 0
  for (let word = 0; word < words; word++) {
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
      const id = (word << 5) + 31 - Math.clz32(bits & -bits)
      if (id >= logits.length) break
      ids[count] = id
      kept[count++] = logits[id]!
    }
  }
  return count
}
