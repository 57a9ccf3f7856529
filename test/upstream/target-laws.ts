import type { LogitTerm, SequenceRequest } from '../../src/decoding/decoder.ts'
import type { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import { answerLaw } from '../laws/enumerating-decoder.ts'
import { assertSameLaw, type Chance, enumerated, lawOf } from '../laws/enumeration.ts'
import { eos, termRow } from './guided-double.ts'

const never = new AbortController().signal

/** The text of one answer, '$' for its end, decoded in one go or token by token. */
async function answerOf(decoder: UpstreamDecoder, request: SequenceRequest, step: number) {
  const sequence = decoder.open(request)
  let text = ''
  while (sequence.finishReason === undefined)
    for await (const delta of decoder.advance(sequence, step, never)) text += delta.text
  decoder.release(sequence)
  return text + (sequence.finishReason === 'stop' ? '$' : '')
}

/** The stated target written out: softmax over the base's `support` most likely tokens of sum of coefficient * log pi. */
export function targetLaw(terms: readonly LogitTerm[], support: number, drafting = 0, temperature = 1) {
  return (answer: readonly number[]): number[] => {
    const rows = terms.map((one) => termRow(one, answer))
    const base = rows[drafting]!
    const kept = base
      .map((_, id) => id)
      .sort((a, b) => base[b]! - base[a]! || a - b)
      .slice(0, support)
    const weights = base.map((_, id) => {
      const sum = rows.reduce((total, row, j) => total + terms[j]!.coefficient * row[id]!, 0)
      return kept.includes(id) ? Math.exp(sum / temperature) : 0
    })
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return weights.map((weight) => weight / total)
  }
}

export async function assertLaw(
  request: SequenceRequest,
  expected: (answer: readonly number[]) => readonly number[],
  decoderOf: (chance: Chance) => UpstreamDecoder,
  step = Number.POSITIVE_INFINITY,
) {
  const outcomes = await enumerated((chance) => answerOf(decoderOf(chance), request, step))
  assertSameLaw(
    lawOf(outcomes, (text) => text),
    answerLaw(expected, eos, request.sampling.maxTokens),
    1e-12,
  )
  return outcomes.length
}
