import { uniform } from '../rng.ts'
import type { KvContext } from './kv-context.ts'
import type { LocalSequence } from './local-sequence.ts'
import type { Mixture } from './step-feeds.ts'
import type { StepRow } from './step-row.ts'

/** One row of a model's batch: term `term` of `sequence`. */
export interface TermRow extends StepRow {
  readonly sequence: LocalSequence
  readonly term: number
}

/** A sequence's row in another model's logits. */
export interface GuideRow {
  readonly sequence: LocalSequence
  readonly term: number
  /** [vocabSize] */
  readonly logits: Float32Array
}

export function termRow(sequence: LocalSequence, term: number): TermRow {
  const context = sequence.contexts[term] as KvContext
  return { sequence, term, context, tokens: [sequence.nextInput(term)] }
}

/** A sequence's coefficients as the graph takes them: over the temperature when the top tokens are to be tempered already. */
function scaleOf(sequence: LocalSequence, whole: boolean): number {
  const { temperature } = sequence.request.sampling
  return whole || temperature === 0 ? 1 : 1 / temperature
}

/** The mixing matrices of one step: row i is sequence i's sum over its own model's rows and other models' rows. */
export function mixtureOf(
  sequences: readonly LocalSequence[],
  rows: readonly TermRow[],
  guides: readonly GuideRow[],
  whole: (sequence: LocalSequence) => boolean,
  vocabSize: number,
): Mixture {
  const guideRows = guides.length
  const own = new Float32Array(sequences.length * rows.length)
  const foreign = new Float32Array(sequences.length * guideRows)
  for (const [i, sequence] of sequences.entries()) {
    const scale = scaleOf(sequence, whole(sequence))
    const coefficient = (term: number) => sequence.request.terms[term]!.coefficient * scale
    for (const [j, row] of rows.entries())
      if (row.sequence === sequence) own[i * rows.length + j] = coefficient(row.term)
    for (const [j, row] of guides.entries())
      if (row.sequence === sequence) foreign[i * guideRows + j] = coefficient(row.term)
  }
  const draws = Float32Array.from(sequences, nextUniform)
  return { own, guides: foreign, guideLogits: gather(guides, vocabSize), count: sequences.length, guideRows, draws }
}

/** The uniform number its next token is drawn with. */
export const nextUniform = (sequence: LocalSequence): number => uniform(sequence.seed, sequence.generatedTokens)

/** The guides' rows one after another: where they lie so already, as one model's results do, nothing is copied. */
function gather(guides: readonly GuideRow[], vocabSize: number): Float32Array {
  const first = guides[0]?.logits
  if (first === undefined) return new Float32Array(0)
  const inPlace = guides.every(
    ({ logits }, j) =>
      logits.length === vocabSize &&
      logits.buffer === first.buffer &&
      logits.byteOffset === first.byteOffset + j * first.byteLength,
  )
  if (inPlace) return new Float32Array(first.buffer as ArrayBuffer, first.byteOffset, guides.length * vocabSize)
  const logits = new Float32Array(guides.length * vocabSize)
  for (const [j, guide] of guides.entries()) logits.set(guide.logits.subarray(0, vocabSize), j * vocabSize)
  return logits
}
