import type { LogitTerm } from '../decoding/decoder.ts'

/** Who reads the answer behind which prompt: a term without its coefficient. */
export type TermContext = Omit<LogitTerm, 'coefficient'>

/** One context's part in a tilt. */
export interface TiltPart {
  readonly context: TermContext
  readonly sign: 1 | -1
}

/**
 * What one guide adds to the base's log-probabilities: weight * a(y) with a(y) = sum over parts of sign * log pi_part(y).
 * All token methods are of this kind; they differ in whose log-probabilities a(y) is made of.
 */
export interface Tilt {
  readonly name: string
  readonly weight: number
  readonly parts: readonly TiltPart[]
}
