/** A row of logits that defines no distribution: NaN or +Infinity in it, every token at -Infinity, or a sum that is not finite. */
export class InvalidLogitsError extends Error {
  override readonly name = 'InvalidLogitsError'
  /** The first offending token id; undefined when it is the row as a whole. */
  readonly id: number | undefined

  constructor(id: number | undefined, value: number) {
    super(id === undefined ? wholeRowProblem(value) : tokenProblem(id, value))
    this.id = id
  }
}

function wholeRowProblem(value: number): string {
  if (value === Number.NEGATIVE_INFINITY) {
    return 'Every token has probability zero: the combined logits are -Infinity throughout.'
  }
  return `The combined logits add up to ${value} over the vocabulary: the temperature or a weight is out of range.`
}

function tokenProblem(id: number, value: number): string {
  return `The combined logits are ${value} at token ${id}: a model returned a broken row or a weight is too large.`
}

/** A row of scores over the vocabulary; entry v is token v's. */
export type LogitRow = Float32Array | Float64Array

/**
 * out[v] = sum over j of coefficients[j] * rows[j][v]: the exponent of every token method (arXiv 2410.08193, 2505.19075,
 * 2401.08565). A constant added to any row cancels in the softmax, so logits serve as log-probabilities. The engine's graph
 * computes this sum itself (docs/decisions/0007); here it is written plainly, for decoders without a graph and as its reference.
 *
 * rows[0] is the base, and `out` must be none of the rows. A token the base forbids (-Infinity) stays forbidden whatever the others say of it. A row with
 * coefficient 0 is not read at all, so that 0 * -Infinity never arises.
 * @throws InvalidLogitsError when a token's sum is NaN or +Infinity
 */
export function mixLogits(out: LogitRow, rows: readonly LogitRow[], coefficients: readonly number[]): void {
  out.fill(0)
  for (let j = 0; j < rows.length; j++) {
    if (coefficients[j]! !== 0) addScaled(out, rows[j]!, coefficients[j]!)
  }
  keepForbidden(out, rows[0]!)
}

function addScaled(out: LogitRow, row: LogitRow, coefficient: number): void {
  for (let v = 0; v < out.length; v++) out[v]! += coefficient * row[v]!
}

function keepForbidden(out: LogitRow, base: LogitRow): void {
  for (let v = 0; v < out.length; v++) {
    if (base[v]! === Number.NEGATIVE_INFINITY) out[v] = Number.NEGATIVE_INFINITY
    else if (!(out[v]! < Number.POSITIVE_INFINITY)) throw new InvalidLogitsError(v, out[v]!)
  }
}
