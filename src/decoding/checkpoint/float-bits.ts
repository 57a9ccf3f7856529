/** How many bytes a value takes in a file, for the number formats that weights may have. */
export const weightDtypes: ReadonlyMap<string, number> = new Map([
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
])

let halfTable: Uint32Array | undefined

/** Writes 16-bit floats as the bits of the fp32 values they stand for, exactly. */
export function widenHalves(halves: Uint16Array, dtype: string, target: Uint32Array): void {
  if (dtype === 'BF16') {
    // bf16 is the upper half of an fp32.
    for (let i = 0; i < halves.length; i++) target[i] = halves[i]! << 16
    return
  }
  halfTable ??= makeHalfTable()
  for (let i = 0; i < halves.length; i++) target[i] = halfTable[halves[i]!]!
}

/** The index of the first NaN or infinity among fp32 bits, or -1. */
export function findNonFinite(bits: Uint32Array): number {
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & 0x7f800000) === 0x7f800000) return i
  }
  return -1
}

function makeHalfTable(): Uint32Array {
  const values = new Float32Array(65536)
  for (let half = 0; half < 65536; half++) {
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >>> 10) & 0x1f
    const mantissa = half & 0x3ff
    if (exponent === 0) values[half] = sign * mantissa * 2 ** -24
    else if (exponent === 31) values[half] = mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    else values[half] = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
  }
  return new Uint32Array(values.buffer)
}
