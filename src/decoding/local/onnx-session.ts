import process from 'node:process'
import type { Tensor as OrtTensor, InferenceSession as Session } from 'onnxruntime-node'
import { probeInput, probeProduct, writeProductProbe } from '../graph/product-probe.ts'

// ONNX Runtime's Linux build reports usage to its makers and writes a device id into the user's home unless this is set
// before it loads. docs/privacy.md
// biome-ignore lint/style/noProcessEnv: the library reads nothing else
process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
const { InferenceSession, Tensor } = await import('onnxruntime-node')

/** Float and integer arrays as the graph takes them. */
export type FeedData = Float32Array | Int32Array | BigInt64Array

export interface Feed {
  readonly data: FeedData
  readonly dims: readonly number[]
  /** The same object comes again, so its tensor is kept as long as it is. */
  readonly kept?: true
}

// A step is some hundred short parallel parts: waking a sleeping thread for each costs up to half of a one-row step. Between
// steps the threads sleep, so that the HTTP process has the cores.
const spinning = { intra_op: { allow_spinning: '1' }, force_spinning_stop: '1' }

// Takes the exact kernel where 8-bit products of signed weights saturate at 16 bits, a relative error of .2: on processors
// without VNNI. Where they do not, it would cost an eighth of a step.
const exactProducts = { x64quantprecision: '1' }

let saturating: Promise<boolean> | undefined

/** Asks the kernel itself, once. */
async function productsSaturate(): Promise<boolean> {
  const session = await InferenceSession.create(writeProductProbe(), { logSeverityLevel: 3, intraOpNumThreads: 1 })
  try {
    const { y } = await session.run({ x: tensorOf(probeInput.data, probeInput.dims) })
    return (y!.data as Float32Array).some((product) => product !== probeProduct)
  } finally {
    await session.release()
  }
}

/** The one place that knows ONNX Runtime: a loaded graph that maps named arrays to named arrays. */
export class OnnxSession {
  readonly #session: Session
  readonly inputNames: ReadonlySet<string>

  private constructor(session: Session) {
    this.#session = session
    this.inputNames = new Set(session.inputNames)
  }

  static async open(path: string, threads: number): Promise<OnnxSession> {
    saturating ??= productsSaturate()
    const products = (await saturating) ? exactProducts : {}
    const session = await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableCpuMemArena: true,
      // shapes change with every step: remembered allocation patterns would pile up
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: '1', ...products, ...spinning } },
    })
    return new OnnxSession(session)
  }

  /** Inputs are read in place; each output is a fresh array. Blocks this thread while it runs. */
  async run(feeds: ReadonlyMap<string, Feed>, outputs: readonly string[]): Promise<Record<string, FeedData>> {
    const tensors: Record<string, OrtTensor> = {}
    for (const [name, feed] of feeds) tensors[name] = feed.kept ? keptTensor(feed) : tensorOf(feed.data, feed.dims)
    const results = await this.#session.run(tensors, [...outputs])
    const arrays: Record<string, FeedData> = {}
    for (const name of outputs) arrays[name] = results[name]!.data as FeedData
    return arrays
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}

const keptTensors = new WeakMap<Feed, OrtTensor>()

function keptTensor(feed: Feed): OrtTensor {
  const known = keptTensors.get(feed)
  if (known !== undefined) return known
  const tensor = tensorOf(feed.data, feed.dims)
  keptTensors.set(feed, tensor)
  return tensor
}

function tensorOf(data: FeedData, dims: readonly number[]): OrtTensor {
  if (data instanceof Float32Array) return new Tensor('float32', data, dims)
  if (data instanceof Int32Array) return new Tensor('int32', data, dims)
  return new Tensor('int64', data, dims)
}
