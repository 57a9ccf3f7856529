import type { WeightFormat } from '../local/engine-options.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { quantiseInt4, quantiseInt8, quantiseRows, transpose } from './quantise.ts'

/** A matrix as Hugging Face stores it: y = x W^T. */
export interface Matrix {
  /** [rows, columns], row-major */
  readonly values: Float32Array
  /** outputs */
  readonly rows: number
  /** inputs */
  readonly columns: number
}

/** x [.., columns] times the matrix, in the given weight format; the result is float32 [.., rows]. */
export function linear(graph: GraphBuilder, format: WeightFormat, x: string, name: string, matrix: Matrix): string {
  switch (format) {
    case 'fp32': {
      const weight = graph.weight(`${name}.weight`, transpose(matrix.values, matrix.rows, matrix.columns), [
        matrix.columns,
        matrix.rows,
      ])
      return graph.node('MatMul', [x, weight])
    }
    case 'int8':
      return blockLinear(graph, 8, x, name, matrix)
    case 'int4':
      return atLeastTwoRows(graph, x, (padded) => blockLinear(graph, 4, padded, name, matrix))
    case 'w8a8':
      return rowLinear(graph, x, name, matrix)
  }
}

/**
 * Without AVX-512 the 4-bit kernel adds up a single row in another order than the same row among others: a row alone is
 * computed beside a copy of itself.
 * @param x [B, T, columns], with the B * T of the graph's first input, or any other shape whose rows are as many
 */
function atLeastTwoRows(graph: GraphBuilder, x: string, product: (x: string) => string): string {
  const count = graph.once('rows', () => graph.node('Size', ['input_ids']))
  const missing = graph.once('missing rows', () => {
    const lack = graph.node('Sub', [graph.ints(2), count])
    return graph.node('Max', [lack, graph.ints(0)])
  })
  const first = graph.once('first axis', () =>
    graph.node('Slice', [graph.node('Shape', ['input_ids']), graph.ints(0), graph.ints(1)]),
  )
  const copy = graph.node('Slice', [x, graph.ints(0), missing, graph.ints(0)])
  const padded = graph.node('Concat', [x, copy], { attributes: { axis: 0 } })
  return graph.node('Slice', [product(padded), graph.ints(0), first, graph.ints(0)])
}

function blockLinear(graph: GraphBuilder, bits: 4 | 8, x: string, name: string, matrix: Matrix): string {
  const { values, rows, columns } = matrix
  const quantised = bits === 8 ? quantiseInt8(values, rows, columns) : quantiseInt4(values, rows, columns)
  const { blockSize } = quantised
  const blocks = Math.ceil(columns / blockSize)
  const weight = graph.weight(`${name}.weight`, quantised.values, [rows, blocks, (blockSize * bits) / 8])
  const scales = graph.weight(`${name}.scales`, quantised.scales, [rows * blocks])
  // accuracy_level 4 lets the kernel round activations to 8 bits, block by block
  const attributes = { K: columns, N: rows, bits, block_size: blockSize, accuracy_level: 4 }
  return graph.node('MatMulNBits', [x, weight, scales], { domain: 'com.microsoft', attributes })
}

// ONNX Runtime fuses the last three nodes with MatMulInteger into one kernel.
function rowLinear(graph: GraphBuilder, x: string, name: string, matrix: Matrix): string {
  const { values, scales } = quantiseRows(matrix.values, matrix.rows, matrix.columns)
  const weight = graph.weight(`${name}.weight`, transpose(values, matrix.rows, matrix.columns), [
    matrix.columns,
    matrix.rows,
  ])
  const weightScales = graph.weight(`${name}.scales`, scales, [matrix.rows])
  const activations = quantiseActivations(graph, x)
  const product = graph.node('MatMulInteger', [activations.values, weight, activations.zeroPoint])
  const scale = graph.node('Mul', [activations.scale, weightScales])
  return graph.node('Mul', [graph.node('Cast', [product], { attributes: { to: 1 } }), scale])
}

/** 8-bit activations with one scale a row and zero point 128: a row's bits never depend on the other rows. */
function quantiseActivations(graph: GraphBuilder, x: string) {
  const largest = graph.node('ReduceMax', [graph.node('Abs', [x]), graph.ints(-1)], { attributes: { keepdims: 1 } })
  const scale = graph.node('Div', [graph.node('Max', [largest, graph.scalar(1e-9)]), graph.scalar(127)])
  const levels = graph.node('Round', [graph.node('Div', [x, scale])])
  const shifted = graph.node('Add', [levels, graph.scalar(128)])
  const values = graph.node('Cast', [shifted], { attributes: { to: 2 } })
  return { values, scale, zeroPoint: graph.byte(128) }
}

/** Several matrices over the same inputs as one, so that one kernel call serves them. */
export function stackRows(matrices: readonly Matrix[]): Matrix {
  const columns = matrices[0]!.columns
  const rows = matrices.reduce((sum, matrix) => sum + matrix.rows, 0)
  const values = new Float32Array(rows * columns)
  let offset = 0
  for (const matrix of matrices) {
    values.set(matrix.values, offset)
    offset += matrix.values.length
  }
  return { values, rows, columns }
}
