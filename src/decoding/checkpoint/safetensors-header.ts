import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { parseJson } from './json-file.ts'

/** Where a tensor lies in its file, and how it is written there. */
export interface TensorEntry {
  readonly dtype: string
  readonly shape: readonly number[]
  /** Bytes from the start of the file, the end exclusive. */
  readonly begin: number
  readonly end: number
}

/** Bytes before the JSON header: its length as a 64-bit little-endian integer. */
export const headerPrefixSize = 8

/** The same bound as the Rust library's: a longer header is damage, not a model. */
const maxHeaderSize = 100_000_000

/** Bits of a value of each dtype; of those not listed only the offsets' order and bounds are checked. */
const dtypeBits: Readonly<Record<string, number>> = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  U8: 8,
  BOOL: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
}

const extent = z.number().int().nonnegative()
const headerSchema = z.record(z.string(), z.unknown())
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(extent),
  data_offsets: z.tuple([extent, extent]),
})

/**
 * The length of a file's JSON header in bytes.
 * @throws CheckpointError when no safetensors file of this size can have it
 */
export function headerLength(source: string, file: string, prefix: Buffer, fileSize: number): number {
  if (prefix.length < headerPrefixSize) throw new CheckpointError(source, `${file} is cut off: ${fileSize} bytes`)
  const length = Number(prefix.readBigUInt64LE())
  if (length > maxHeaderSize) {
    throw new CheckpointError(source, `${file} is not a safetensors file: its header would be ${length} bytes long`)
  }
  if (headerPrefixSize + length > fileSize) {
    throw new CheckpointError(source, `${file} is cut off within its header: ${fileSize} of ${length + 8} bytes`)
  }
  return length
}

/**
 * The tensors that a header lists, by name.
 * @throws CheckpointError naming the file and tensor when sizes contradict each other, overlap, or pass the file's end
 */
export function parseHeader(source: string, file: string, json: Buffer, fileSize: number): Map<string, TensorEntry> {
  const header = parseJson(source, `${file}: header`, json.toString('utf8'), headerSchema)
  const dataStart = headerPrefixSize + json.length
  const entries = new Map<string, TensorEntry>()
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue
    const parsed = entrySchema.safeParse(value)
    if (!parsed.success) throw new CheckpointError(source, `${file}: tensor '${name}': its header entry is malformed`)
    const [begin, end] = parsed.data.data_offsets
    const { dtype, shape } = parsed.data
    entries.set(name, { dtype, shape, begin: dataStart + begin, end: dataStart + end })
  }
  checkExtents(source, file, entries, fileSize)
  return entries
}

function checkExtents(source: string, file: string, entries: Map<string, TensorEntry>, fileSize: number): void {
  let previous: { name: string; end: number } | undefined
  for (const [name, entry] of [...entries].sort((a, b) => a[1].begin - b[1].begin)) {
    const fail = (message: string) => new CheckpointError(source, `${file}: tensor '${name}': ${message}`)
    const size = entry.end - entry.begin
    const expected = byteSize(entry)
    if (size < 0 || (expected !== undefined && size !== expected)) {
      throw fail(`${size} bytes do not hold ${entry.dtype} values of shape [${entry.shape.join(', ')}]`)
    }
    if (entry.end > fileSize)
      throw fail(`the file is cut off: it has ${fileSize} bytes, this tensor ends at ${entry.end}`)
    if (previous !== undefined && size > 0 && entry.begin < previous.end) throw fail(`overlaps '${previous.name}'`)
    if (size > 0) previous = { name, end: entry.end }
  }
}

function byteSize(entry: TensorEntry): number | undefined {
  const bits = dtypeBits[entry.dtype]
  return bits === undefined ? undefined : (entry.shape.reduce((product, size) => product * size, 1) * bits) / 8
}
