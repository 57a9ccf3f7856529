import type { TensorSource } from '../checkpoint/checkpoint.ts'
import type { LoraAdapter } from '../checkpoint/lora-adapter.ts'
import type { ModelConfig } from '../checkpoint/model-config.ts'
import type { WeightFormat } from '../local/engine-options.ts'
import type { BlockTables } from './attention.ts'
import type { GraphBuilder } from './graph-builder.ts'
import type { Matrix } from './linear.ts'
import type { LoraTables } from './lora-rows.ts'

/** What a decoder's graph is made from. */
export interface DecoderSource {
  readonly config: ModelConfig
  readonly tensors: TensorSource
  readonly adapters: readonly LoraAdapter[]
  readonly weights: WeightFormat
  /** Rows of the embedding and of the output that are kept. */
  readonly vocabSize: number
  /** Positions the rotary table covers. */
  readonly contextLength: number
}

/** Layers under construction, whatever their attention reads: their source, the graph written so far, shared inputs. */
export interface TrunkBuild extends DecoderSource {
  readonly graph: GraphBuilder
  /** Undefined where there are no adapters. */
  readonly lora: LoraTables | undefined
  readonly rope: { readonly positions: string; readonly cos: string; readonly sin: string }
}

/** A decoder under construction: its layers attend to a paged past. */
export interface DecoderBuild extends TrunkBuild {
  readonly tables: BlockTables
}

export function readMatrix(build: TrunkBuild, name: string, rows: number, columns: number): Matrix {
  return { values: build.tensors.read(name, [rows, columns]), rows, columns }
}

/** The matrix times a number. */
export const scaled = (matrix: Matrix, factor: number): Matrix =>
  factor === 1 ? matrix : { ...matrix, values: matrix.values.map((value) => value * factor) }

/** What runs through the layers; its last addend is added where it is next normalised, in one kernel. */
export interface Residual {
  readonly sum: string
  readonly addend: string | undefined
}

/** The residual's RMS norm, and the residual with nothing left to add. */
export function normedResidual(build: TrunkBuild, residual: Residual, name: string): { normed: string; sum: string } {
  const { graph, config } = build
  const { sum, addend } = residual
  if (addend === undefined) return { normed: rmsNorm(build, sum, name, config.hiddenSize), sum }
  const weight = graph.weight(name, build.tensors.read(name, [config.hiddenSize]), [config.hiddenSize])
  const [normed, , , added] = graph.nodes('SkipSimplifiedLayerNormalization', [addend, sum, weight], {
    domain: 'com.microsoft',
    outputs: 4,
    wanted: [0, 3],
    attributes: { epsilon: config.rmsNormEps },
  }) as [string, string, string, string]
  return { normed, sum: added }
}

/** The whole sum. */
export function addedUp(graph: GraphBuilder, { sum, addend }: Residual): string {
  return addend === undefined ? sum : graph.node('Add', [sum, addend])
}

/** x / rms(x) times the named weight and `factor`. */
export function rmsNorm(build: TrunkBuild, x: string, name: string, size: number, factor = 1): string {
  const weight = scaled({ values: build.tensors.read(name, [size]), rows: size, columns: 1 }, factor)
  return build.graph.node('SimplifiedLayerNormalization', [x, build.graph.weight(name, weight.values, [size])], {
    attributes: { axis: -1, epsilon: build.config.rmsNormEps, stash_type: 1 },
  })
}
