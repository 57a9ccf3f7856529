import { type ElementType, elementType, encodeModel, type TensorProto } from './onnx-proto.ts'

const [rows, inner, columns] = [4, 64, 16]

/** Rows of the largest 8-bit number. */
export const probeInput = { data: new Float32Array(rows * inner).fill(255), dims: [rows, inner] }

/** What every product of the probe is, exactly. */
export const probeProduct = 255 * 127 * inner

/** A graph of one 8-bit product as large as it can get, `x` to `y`. */
export function writeProductProbe(): Uint8Array {
  const weight: TensorProto = {
    name: 'w',
    dims: [inner, columns],
    dataType: elementType.int8,
    rawData: new Uint8Array(inner * columns).fill(127),
  }
  const node = (opType: string, input: readonly string[], output: string, to?: ElementType) => ({
    input,
    output: [output],
    name: output,
    opType,
    domain: '',
    attribute: to === undefined ? [] : [{ name: 'to', type: 2, i: elementType[to] }],
  })
  const value = (name: string, columnCount: number) => {
    const dim = [{ dimValue: rows }, { dimValue: columnCount }]
    return { name, type: { tensorType: { elemType: elementType.float32, shape: { dim } } } }
  }
  const graph = {
    name: 'product probe',
    node: [
      node('Cast', ['x'], 'bytes', 'uint8'),
      node('MatMulInteger', ['bytes', 'w'], 'product'),
      node('Cast', ['product'], 'y', 'float32'),
    ],
    initializer: [weight],
    input: [value('x', inner)],
    output: [value('y', columns)],
  }
  return encodeModel({ irVersion: 10, producerName: 'trimtab', opsetImport: [{ domain: '', version: 21 }], graph })
}
