/** A row of logits that defines no distribution: NaN or +Infinity in it, or every token at -Infinity. */
export class InvalidLogitsError extends Error {
  override readonly name = 'InvalidLogitsError'
  /** The first offending token id; undefined when no token is possible at all. */
  readonly id: number | undefined

  constructor(id: number | undefined, value: number) {
    super(
      id === undefined
        ? 'Every token has probability zero: the combined logits are -Infinity throughout.'
        : `The combined logits are ${value} at token ${id}: a model returned a broken row or a weight is too large.`,
    )
    this.id = id
  }
}

/** A row of scores over the vocabulary; entry v is token v's. */
export type LogitRow = Float32Array | Float64Array

/**
 * out[v] = sum over j of coefficients[j] * rows[j][v]: the exponent of every token method (arXiv 2410.08193, 2505.19075,
 * 2401.08565). A constant added to any row cancels in the softmax, so logits serve as log-probabilities.
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
