import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { findNonFinite, weightDtypes, widenHalves } from './float-bits.ts'
import { readJsonFile } from './json-file.ts'
import { headerLength, headerPrefixSize, parseHeader, type TensorEntry } from './safetensors-header.ts'
import type { WeightFiles } from './weight-files.ts'

/** Values per read of 16-bit weights: bounds the scratch memory beside the fp32 result. */
const halvesPerRead = 1 << 21
/** Node refuses single reads of 2 GiB and more. */
const bytesPerRead = 1 << 30

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) })

/**
 * Opens a folder's weights: `${stem}.safetensors`, or the shards that `${stem}.safetensors.index.json` lists.
 * Only headers are read; every value stays on disk until asked for.
 * @throws CheckpointError when there are none, a shard is missing, or a header is damaged
 */
export function openSafetensors(source: string, folder: string, stem = 'model'): WeightFiles {
  const single = join(folder, `${stem}.safetensors`)
  if (existsSync(single)) return new SafetensorsFiles(source, [single])
  const index = join(folder, `${stem}.safetensors.index.json`)
  if (!existsSync(index)) {
    throw new CheckpointError(
      source,
      `no weights: neither ${basename(single)} nor ${basename(index)} is there${hint(folder, stem)}`,
    )
  }
  const weightMap = new Map(Object.entries(readJsonFile(source, index, indexSchema).weight_map))
  const shards = [...new Set(weightMap.values())].sort()
  for (const shard of shards) checkShardName(source, basename(index), shard)
  const tensors = new SafetensorsFiles(
    source,
    shards.map((shard) => join(folder, shard)),
  )
  for (const [name, shard] of weightMap) {
    if (tensors.names.has(name)) continue
    tensors.close()
    throw new CheckpointError(source, `${shard}: tensor '${name}' of ${basename(index)} is missing`)
  }
  return tensors
}

/** An index is downloaded data: it must not lead outside its folder. */
function checkShardName(source: string, index: string, shard: string): void {
  if (basename(shard) !== shard || !shard.endsWith('.safetensors')) {
    throw new CheckpointError(source, `${index}: '${shard}' is not the name of a safetensors file beside it`)
  }
}

function hint(folder: string, stem: string): string {
  const pickle = `${stem === 'model' ? 'pytorch_model' : stem}.bin`
  const found = [pickle, `${pickle}.index.json`].some((file) => existsSync(join(folder, file)))
  return found ? `; pickled weights (${pickle}) are not read, convert them to safetensors` : ''
}

interface FileTensor extends TensorEntry {
  readonly file: string
  readonly descriptor: number
}

/** Holds the files open, so that a checkpoint replaced on disk meanwhile is still read as it was checked. */
class SafetensorsFiles implements WeightFiles {
  readonly names: ReadonlySet<string>
  readonly files: readonly string[]
  readonly #source: string
  readonly #tensors = new Map<string, FileTensor>()
  readonly #descriptors: number[] = []

  constructor(source: string, paths: readonly string[]) {
    this.files = paths
    this.#source = source
    try {
      for (const path of paths) this.#open(path)
    } catch (error) {
      this.close()
      throw error
    }
    this.names = new Set(this.#tensors.keys())
  }

  shape(name: string): readonly number[] {
    return this.#tensor(name).shape
  }

  check(name: string, shape: readonly number[]): void {
    const tensor = this.#tensor(name)
    if (tensor.shape.join() !== shape.join()) {
      throw this.#fail(
        tensor,
        name,
        `its shape is [${tensor.shape.join(', ')}]; the config asks for [${shape.join(', ')}]`,
      )
    }
    if (!weightDtypes.has(tensor.dtype)) {
      throw this.#fail(tensor, name, `its dtype ${tensor.dtype} is not supported; only F32, F16 and BF16 are`)
    }
  }

  read(name: string, shape: readonly number[]): Float32Array {
    this.check(name, shape)
    const tensor = this.#tensor(name)
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1))
    if (tensor.dtype === 'F32') this.#fill(tensor, name, new Uint8Array(values.buffer), tensor.begin)
    else this.#readHalves(tensor, name, new Uint32Array(values.buffer))
    const bad = findNonFinite(new Uint32Array(values.buffer))
    if (bad >= 0) throw this.#fail(tensor, name, `value ${bad} is ${values[bad]}: the weights are damaged`)
    return values
  }

  close(): void {
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor)
    this.#tensors.clear()
  }

  #open(path: string): void {
    const file = basename(path)
    if (!existsSync(path)) throw new CheckpointError(this.#source, `${file} is missing`)
    const descriptor = openSync(path, 'r')
    this.#descriptors.push(descriptor)
    const { size } = fstatSync(descriptor)
    const length = headerLength(this.#source, file, readAt(descriptor, 0, Math.min(headerPrefixSize, size)), size)
    const json = readAt(descriptor, headerPrefixSize, length)
    for (const [name, entry] of parseHeader(this.#source, file, json, size)) {
      const other = this.#tensors.get(name)
      if (other !== undefined)
        throw new CheckpointError(this.#source, `tensor '${name}' is in ${other.file} and in ${file}`)
      this.#tensors.set(name, { ...entry, file, descriptor })
    }
  }

  #readHalves(tensor: FileTensor, name: string, target: Uint32Array): void {
    const scratch = new Uint16Array(Math.min(halvesPerRead, target.length))
    for (let start = 0; start < target.length; start += scratch.length) {
      const halves = scratch.subarray(0, Math.min(scratch.length, target.length - start))
      this.#fill(tensor, name, new Uint8Array(halves.buffer, 0, halves.byteLength), tensor.begin + 2 * start)
      widenHalves(halves, tensor.dtype, target.subarray(start))
    }
  }

  #fill(tensor: FileTensor, name: string, target: Uint8Array, position: number): void {
    for (let done = 0; done < target.length; ) {
      const length = Math.min(bytesPerRead, target.length - done)
      const count = readSync(tensor.descriptor, target, done, length, position + done)
      if (count === 0) throw this.#fail(tensor, name, 'the file is cut off')
      done += count
    }
  }

  #tensor(name: string): FileTensor {
    const tensor = this.#tensors.get(name)
    if (tensor === undefined) throw new CheckpointError(this.#source, `tensor '${name}' is missing`)
    return tensor
  }

  #fail(tensor: FileTensor, name: string, message: string): CheckpointError {
    return new CheckpointError(this.#source, `${tensor.file}: tensor '${name}': ${message}`)
  }
}

function readAt(descriptor: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  const count = readSync(descriptor, buffer, 0, length, position)
  return buffer.subarray(0, count)
}
