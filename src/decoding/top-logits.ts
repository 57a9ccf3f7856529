import { InvalidLogitsError, type LogitRow } from './mix.ts'

/** How many of the most likely tokens an unfiltered draw looks at in order. */
export const headCount = 64

/** The head of a distribution over the vocabulary. */
export interface TopLogits {
  /** Ids of the most likely tokens, in any order. */
  readonly ids: Int32Array
  /** Their tempered logits, aligned with `ids`. */
  readonly values: LogitRow
  /** Log of the sum of exp over the tempered logits of the whole vocabulary. */
  readonly logSumExp: number
}

/** Buffers for selecting from one row at a time; owned by whoever draws, so that a draw allocates nothing of vocabulary size. */
export interface SelectionScratch {
  readonly ids: Int32Array
  readonly values: Float64Array
  readonly counts: Int32Array
}

// Tempered logits are counted in bins of 1/16 nat below the maximum; everything below 128 nats shares the last bin.
const binsPerNat = 16
const binCount = 128 * binsPerNat

export function selectionScratch(vocabSize: number): SelectionScratch {
  return {
    ids: new Int32Array(vocabSize),
    values: new Float64Array(vocabSize),
    counts: new Int32Array(binCount),
  }
}

/** A row ready for selection: its maximum, the temperature, and the log-sum-exp of (logits - max) / temperature. */
export interface TemperedRow {
  readonly logits: LogitRow
  readonly max: number
  readonly temperature: number
  readonly logSumExp: number
}

/**
 * One pass over the row; differences to the maximum are taken before dividing, so no temperature overflows.
 * @param logits untempered
 * @throws InvalidLogitsError for NaN, +Infinity, or nothing but -Infinity
 */
export function temperRow(logits: LogitRow, temperature: number): TemperedRow {
  const max = maximum(logits)
  let sum = 0
  for (let v = 0; v < logits.length; v++) sum += Math.exp((logits[v]! - max) / temperature)
  return { logits, max, temperature, logSumExp: Math.log(sum) }
}

/**
 * At least the `atLeast` most likely tokens of a row (all, if there are fewer), most likely first, lowest id on ties.
 * The arrays are views of `scratch`: they hold until its next use. Values are (logits - max) / temperature.
 *
 * A histogram finds a value that enough tokens exceed; only those are collected and sorted.
 */
export function selectTop(row: TemperedRow, atLeast: number, scratch: SelectionScratch): TopLogits {
  const { logits, max, temperature } = row
  const lastBin = cutBin(row, atLeast, scratch.counts)
  const scale = binsPerNat / temperature
  let found = 0
  for (let v = 0; v < logits.length; v++) {
    if (binOf((max - logits[v]!) * scale) <= lastBin) scratch.ids[found++] = v
  }
  const ids = scratch.ids.subarray(0, found)
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b)
  const values = scratch.values.subarray(0, found)
  for (let i = 0; i < found; i++) values[i] = (logits[ids[i]!]! - max) / temperature
  return { ids, values, logSumExp: row.logSumExp }
}

function cutBin(row: TemperedRow, atLeast: number, counts: Int32Array): number {
  const { logits, max } = row
  const scale = binsPerNat / row.temperature
  counts.fill(0)
  for (let v = 0; v < logits.length; v++) counts[binOf((max - logits[v]!) * scale)]! += 1
  let bin = 0
  for (let above = counts[0]!; above < atLeast && bin < binCount - 1; above += counts[bin]!) bin++
  return bin
}

// A division or Math.floor for each of 150,000 logits would cost more than the rest of the draw. NaN, which 0 * Infinity
// gives at the smallest temperatures, is the maximum itself.
const binOf = (below: number): number => (below < binCount - 1 ? below | 0 : Number.isNaN(below) ? 0 : binCount - 1)

function maximum(logits: LogitRow): number {
  let max = Number.NEGATIVE_INFINITY
  for (let v = 0; v < logits.length; v++) {
    const value = logits[v]!
    if (!(value < Number.POSITIVE_INFINITY)) throw new InvalidLogitsError(v, value)
    if (value > max) max = value
  }
  if (max === Number.NEGATIVE_INFINITY) throw new InvalidLogitsError(undefined, max)
  return max
}
