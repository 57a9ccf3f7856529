/** Bytes in consecutive pieces, some of them empty; cuts are taken modulo the length. */
export function splitAt(whole: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => whole.subarray(at[i]!, end))
}
