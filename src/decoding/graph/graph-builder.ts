import { closeSync, openSync, writeSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AttributeProto,
  type ElementType,
  elementType,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx-proto.ts'

/** Size of one axis: a number, or the name of a size that is only known at run time. */
export type Axis = number | string
export type TensorData = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array

const inlineLimitBytes = 1024
// ONNX Runtime maps the file into memory; whole pages keep every tensor aligned for its kernels.
const alignmentBytes = 4096

type Attribute = number | string | readonly number[]

interface NodeOptions {
  readonly domain?: 'com.microsoft'
  readonly outputs?: number
  /** Which of them are wanted, when not all are; the others get no name. */
  readonly wanted?: readonly number[]
  readonly name?: string
  readonly attributes?: Readonly<Record<string, Attribute>>
}

/** Collects the nodes and tensors of one ONNX graph; large tensors go straight to a file beside it. */
export class GraphBuilder {
  readonly #folder: string
  readonly #nodes: NodeProto[] = []
  readonly #initializers: TensorProto[] = []
  readonly #constants = new Map<string, string>()
  readonly #shared = new Map<string, string>()
  readonly #inputs: ValueInfoProto[] = []
  readonly #outputs: ValueInfoProto[] = []
  readonly #weightFile: number
  #weightBytes = 0

  constructor(folder: string) {
    this.#folder = folder
    this.#weightFile = openSync(join(folder, 'weights.bin'), 'w')
  }

  input(name: string, type: ElementType, shape: readonly Axis[]): string {
    this.#inputs.push(valueInfo(name, type, shape))
    return name
  }

  output(name: string, type: ElementType, shape: readonly Axis[]): void {
    this.#outputs.push(valueInfo(name, type, shape))
  }

  /** A node with one output. */
  node(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.nodes(op, inputs, { ...options, outputs: 1 })[0]!
  }

  /** A node with several outputs. */
  nodes(op: string, inputs: readonly string[], options: NodeOptions): readonly string[] {
    const index = this.#nodes.length
    const count = options.outputs ?? 1
    const outputs = Array.from({ length: count }, (_, i) => {
      if (options.wanted?.includes(i) === false) return ''
      return (i === 0 && options.name) || `t${index}_${i}`
    })
    const attribute = Object.entries(options.attributes ?? {}).map(([name, value]) => attributeProto(op, name, value))
    this.#nodes.push({
      input: inputs,
      output: outputs,
      name: `n${index}`,
      opType: op,
      domain: options.domain ?? '',
      attribute,
    })
    return outputs
  }

  /** A value that many nodes use, written at its first use; `key` tells it from others. */
  once(key: string, write: () => string): string {
    const known = this.#shared.get(key)
    if (known !== undefined) return known
    const written = write()
    this.#shared.set(key, written)
    return written
  }

  weight(name: string, data: TensorData, dims: readonly number[]): string {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const tensor = { name, dims, dataType: elementType[elementTypeOf(data)] }
    if (bytes.byteLength <= inlineLimitBytes) this.#initializers.push({ ...tensor, rawData: bytes })
    else this.#initializers.push({ ...tensor, dataLocation: 1, externalData: this.#append(bytes) })
    return name
  }

  /** A small int64 constant; equal ones are stored once. */
  ints(...values: readonly number[]): string {
    return this.#constant(`i${values.join('_')}`, BigInt64Array.from(values, BigInt), [values.length])
  }

  /** A float32 scalar. */
  scalar(value: number): string {
    return this.#constant(`f${value}`, Float32Array.of(value), [])
  }

  /** A uint8 scalar. */
  byte(value: number): string {
    return this.#constant(`u${value}`, Uint8Array.of(value), [])
  }

  async finish(): Promise<void> {
    closeSync(this.#weightFile)
    const graph = {
      name: 'decoder',
      node: this.#nodes,
      initializer: this.#initializers,
      input: this.#inputs,
      output: this.#outputs,
    }
    const opsetImport = [
      { domain: '', version: 21 },
      { domain: 'com.microsoft', version: 1 },
    ]
    const bytes = encodeModel({ irVersion: 10, producerName: 'trimtab', opsetImport, graph })
    await writeFile(join(this.#folder, 'model.onnx'), bytes)
  }

  #constant(name: string, data: TensorData, dims: readonly number[]): string {
    const known = this.#constants.get(name)
    if (known !== undefined) return known
    this.#constants.set(name, name)
    return this.weight(name, data, dims)
  }

  #append(bytes: Uint8Array): NonNullable<TensorProto['externalData']> {
    const padding = -this.#weightBytes & (alignmentBytes - 1)
    if (padding > 0) writeSync(this.#weightFile, new Uint8Array(padding))
    const offset = this.#weightBytes + padding
    for (let written = 0; written < bytes.byteLength; )
      written += writeSync(this.#weightFile, bytes, written, bytes.byteLength - written)
    this.#weightBytes = offset + bytes.byteLength
    return [
      { key: 'location', value: 'weights.bin' },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(bytes.byteLength) },
    ]
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Axis[]): ValueInfoProto {
  const dim = shape.map((axis) => (typeof axis === 'number' ? { dimValue: axis } : { dimParam: axis }))
  return { name, type: { tensorType: { elemType: elementType[type], shape: { dim } } } }
}

// ONNX tells float attributes from integer ones by type, JavaScript does not: these are the float ones.
const floatAttributes = new Set(['epsilon', 'alpha'])

function attributeProto(op: string, name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) }
  if (typeof value !== 'number') return { name, type: 7, ints: value }
  if (floatAttributes.has(name)) return { name, type: 1, f: value }
  if (!Number.isInteger(value)) throw new TypeError(`${op}.${name} is not an integer: ${value}`)
  return { name, type: 2, i: value }
}

function elementTypeOf(data: TensorData): ElementType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Uint8Array) return 'uint8'
  if (data instanceof Int8Array) return 'int8'
  if (data instanceof Int32Array) return 'int32'
  return 'int64'
}
