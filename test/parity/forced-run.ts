import { blockTokens } from '../../src/decoding/graph/attention.ts'
import type { RunningModel } from '../../src/decoding/local/loaded-model.ts'
import { LocalSequence } from '../../src/decoding/local/local-sequence.ts'
import { prefillStep } from '../../src/decoding/local/prefill-step.ts'
import { freeSampling } from './parity-engine.ts'

/** A context and the tokens it is made to take in after its prompt. */
export interface ForcedJob {
  readonly promptIds: readonly number[]
  readonly forcedIds: readonly number[]
}

/** All jobs' logits at one position, in the order of the jobs. */
export type ForcedStep = readonly Float32Array[]

/**
 * Logits before each forced token, the way the engine computes them: the prompt is prefilled in its chunks, then every
 * step takes in one token a row. All jobs must have the same number of forced tokens.
 */
export async function* forcedLogits(
  model: RunningModel,
  adapter: string | undefined,
  jobs: readonly ForcedJob[],
): AsyncGenerator<ForcedStep> {
  const sequences = jobs.map((job) => forcedSequence(model, adapter, job))
  const models = new Map([[model.name, model]])
  try {
    await prefillStep(sequences, models, Number.POSITIVE_INFINITY)
    for (let position = 0; position < jobs[0]!.forcedIds.length; position++) {
      const rows = sequences.map((sequence, i) => ({
        context: sequence.contexts[0]!,
        tokens: [position === 0 ? jobs[i]!.promptIds.at(-1)! : jobs[i]!.forcedIds[position - 1]!],
      }))
      const result = await model.runner.run(rows, undefined, { logits: true, mixed: false, top: false })
      for (const [r, { context }] of rows.entries()) context.append(result, r)
      const size = model.runner.vocabSize
      yield rows.map((_, r) => result.logits!.subarray(r * size, (r + 1) * size))
    }
  } finally {
    for (const sequence of sequences) sequence.contexts[0]!.release()
  }
}

function forcedSequence(model: RunningModel, adapter: string | undefined, job: ForcedJob): LocalSequence {
  const { promptIds, forcedIds } = job
  const terms = [{ model: model.name, adapter, promptIds, coefficient: 1 }]
  const sequence = new LocalSequence({ terms, sampling: freeSampling }, 0n)
  const blocks = Math.ceil((promptIds.length + forcedIds.length) / blockTokens)
  sequence.contexts = [model.runner.context(adapter, promptIds, blocks)]
  sequence.phase = 'prefilling'
  return sequence
}

/** Log of the summed exp of a row, in float64. */
export function logSumExp(row: Float32Array | Float64Array): number {
  let max = Number.NEGATIVE_INFINITY
  for (const value of row) if (value > max) max = value
  let sum = 0
  for (const value of row) sum += Math.exp(value - max)
  return max + Math.log(sum)
}
