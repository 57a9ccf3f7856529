import { closeSync, openSync, writeSync } from 'node:fs'

/** A tensor of a file to write: its values come from `values`, a piece at a time. */
export interface TensorToWrite {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: RandomValues
}

/** Endless bf16 values. */
export interface RandomValues {
  /** Up to `count` of them. */
  next(count: number): Uint16Array
}

/** Writes a bf16 safetensors file piece by piece, however large it is. */
export function writeSafetensors(path: string, tensors: readonly TensorToWrite[]): void {
  const file = openSync(path, 'w')
  try {
    const header = Buffer.from(JSON.stringify(headerOf(tensors)))
    const prefix = Buffer.alloc(8)
    prefix.writeBigUInt64LE(BigInt(header.length))
    writeSync(file, prefix)
    writeSync(file, header)
    for (const { shape, values } of tensors) {
      for (let left = sizeOf(shape); left > 0; ) {
        const piece = values.next(left)
        writeSync(file, piece)
        left -= piece.length
      }
    }
  } finally {
    closeSync(file)
  }
}

function headerOf(tensors: readonly TensorToWrite[]) {
  let offset = 0
  const entries = tensors.map(({ name, shape }) => {
    const begin = offset
    offset += 2 * sizeOf(shape)
    return [name, { dtype: 'BF16', shape, data_offsets: [begin, offset] }] as const
  })
  return Object.fromEntries(entries)
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)
