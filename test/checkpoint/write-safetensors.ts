import { writeFileSync } from 'node:fs'

export interface FixtureTensor {
  readonly shape: readonly number[]
  readonly values: ArrayLike<number>
  /** Defaults to F32. */
  readonly dtype?: 'F32' | 'F16' | 'BF16'
}

/** Writes a safetensors file as the Python library lays it out: length, JSON header padded with spaces, values in order. */
export function writeSafetensors(path: string, tensors: Readonly<Record<string, FixtureTensor>>): void {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  const parts: Buffer[] = []
  let offset = 0
  for (const [name, tensor] of Object.entries(tensors)) {
    const bytes = encodeValues(tensor.values, tensor.dtype ?? 'F32')
    header[name] = { dtype: tensor.dtype ?? 'F32', shape: tensor.shape, data_offsets: [offset, offset + bytes.length] }
    offset += bytes.length
    parts.push(bytes)
  }
  writeFileSync(path, Buffer.concat([encodeHeader(JSON.stringify(header)), ...parts]))
}

/** The first part of a safetensors file: for tests that need a header no writer would make. */
export function encodeHeader(json: string): Buffer {
  const padded = Buffer.from(json.padEnd(json.length + ((8 - (json.length % 8)) % 8)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  return Buffer.concat([length, padded])
}

function encodeValues(values: ArrayLike<number>, dtype: 'F32' | 'F16' | 'BF16'): Buffer {
  const floats = Float32Array.from(values)
  if (dtype === 'F32') return Buffer.from(floats.buffer)
  const bits = new Uint32Array(floats.buffer)
  const halves = Uint16Array.from(bits, dtype === 'BF16' ? toBfloat16 : toFloat16)
  return Buffer.from(halves.buffer)
}

/** Cuts the mantissa; enough for fixtures, whose values need only be the same for every reader. */
function toBfloat16(bits: number): number {
  return bits >>> 16
}

function toFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 112
  if (exponent >= 31) return sign | 0x7c00 | ((bits & 0x7fffff) !== 0 && exponent === 143 ? 0x200 : 0)
  if (exponent <= 0) return exponent < -10 ? sign : sign | (((bits & 0x7fffff) | 0x800000) >>> (14 - exponent))
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff)
}
