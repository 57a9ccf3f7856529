import type { TokenDraw } from '../decoder.ts'
import { applyPenalties } from '../penalties.ts'
import { uniform } from '../rng.ts'
import { type Draw, drawFromLogits, drawFromTop } from '../sampler.ts'
import type { SelectionScratch } from '../top-logits.ts'
import type { KvContext } from './kv-context.ts'
import type { LocalSequence } from './local-sequence.ts'
import type { ModelRunner, StepResult } from './model-runner.ts'
import type { Mixture } from './step-feeds.ts'
import type { StepRow } from './step-row.ts'

/** One row of a model's batch: term `term` of `sequence`. */
export interface TermRow extends StepRow {
  readonly sequence: LocalSequence
  readonly term: number
}

/** A sequence's row in another model's logits. */
export interface GuideRow {
  readonly sequence: LocalSequence
  readonly term: number
  /** [vocabSize] */
  readonly logits: Float32Array
}

export function termRow(sequence: LocalSequence, term: number): TermRow {
  const context = sequence.contexts[term] as KvContext
  return { sequence, term, context, tokens: [sequence.nextInput(term)] }
}

/**
 * Whether the sequence gets its whole row at once: penalties and biases reach tokens beyond the most likely ones, and where a
 * law was flat lately, it will be again. Only the sequence's own past decides, so its bits do not depend on its neighbours.
 */
export const needsWholeRow = (sequence: LocalSequence): boolean =>
  sequence.history !== undefined || sequence.wholeRows > 0

// Two misses this close mean a flat law; after as many whole rows as given the most likely tokens are tried again.
const closeMisses = 4
const wholeRowsAfterMisses = 16

/** A sequence's coefficients as the graph takes them: over the temperature when the top tokens are to be tempered already. */
function scaleOf(sequence: LocalSequence, whole: boolean): number {
  const { temperature } = sequence.request.sampling
  return whole || temperature === 0 ? 1 : 1 / temperature
}

/** The mixing matrices of one step: row i is sequence i's sum over its own model's rows and other models' rows. */
export function mixtureOf(
  sequences: readonly LocalSequence[],
  rows: readonly TermRow[],
  guides: readonly GuideRow[],
  whole: (sequence: LocalSequence) => boolean,
  vocabSize: number,
): Mixture {
  const guideRows = Math.max(1, guides.length)
  const own = new Float32Array(sequences.length * rows.length)
  const foreign = new Float32Array(sequences.length * guideRows)
  for (const [i, sequence] of sequences.entries()) {
    const scale = scaleOf(sequence, whole(sequence))
    const coefficient = (term: number) => sequence.request.terms[term]!.coefficient * scale
    for (const [j, row] of rows.entries())
      if (row.sequence === sequence) own[i * rows.length + j] = coefficient(row.term)
    for (const [j, row] of guides.entries())
      if (row.sequence === sequence) foreign[i * guideRows + j] = coefficient(row.term)
  }
  return { own, guides: foreign, guideLogits: gather(guides, vocabSize), count: sequences.length, guideRows }
}

function gather(guides: readonly GuideRow[], vocabSize: number): Float32Array {
  const logits = new Float32Array(Math.max(1, guides.length) * vocabSize)
  for (const [j, guide] of guides.entries()) logits.set(guide.logits.subarray(0, vocabSize), j * vocabSize)
  return logits
}

/** Everything one base model's step brought for its sequences. */
export interface BaseStep {
  readonly runner: ModelRunner
  readonly sequences: readonly LocalSequence[]
  readonly rows: readonly TermRow[]
  readonly guides: readonly GuideRow[]
  readonly result: StepResult
  readonly scratch: SelectionScratch
}

/** Draws the next token of `sequences[index]`. */
export async function drawNext(step: BaseStep, index: number): Promise<TokenDraw> {
  const sequence = step.sequences[index]!
  const u = uniform(sequence.seed, sequence.generatedTokens)
  const draw = drawFast(step, index, u) ?? (await drawWhole(step, index, u))
  return { ...draw, termLogprobs: sequence.request.sampling.trace ? termLogprobs(step, sequence, draw.id) : undefined }
}

function drawFast(step: BaseStep, index: number, u: number): Draw | undefined {
  const sequence = step.sequences[index]!
  const { top } = step.result
  if (needsWholeRow(sequence) || top === undefined) return undefined
  const [from, to] = [index * top.count, (index + 1) * top.count]
  const head = {
    ids: top.ids.subarray(from, to),
    values: top.logprobs.subarray(from, to),
    logSumExp: 0,
  }
  return drawFromTop(head, step.runner.vocabSize, sequence.request.sampling, u)
}

async function drawWhole(step: BaseStep, index: number, u: number): Promise<Draw> {
  const sequence = step.sequences[index]!
  const { sampling } = sequence.request
  const logits = needsWholeRow(sequence) ? wholeRow(step, index) : await repeatForWholeRow(step, sequence)
  countWholeRow(sequence)
  if (sequence.history !== undefined) applyPenalties(logits, sampling, sequence.history)
  return drawFromLogits(logits, sampling, u, step.scratch)
}

function countWholeRow(sequence: LocalSequence): void {
  if (sequence.wholeRows > 0) {
    sequence.wholeRows--
    return
  }
  const drawn = sequence.generatedTokens
  if (drawn - sequence.lastMiss <= closeMisses) sequence.wholeRows = wholeRowsAfterMisses
  sequence.lastMiss = drawn
}

function wholeRow(step: BaseStep, index: number): Float32Array {
  const size = step.runner.vocabSize
  return step.result.mixed!.subarray(index * size, (index + 1) * size)
}

// The top tokens did not decide, which is rare: this sequence's rows run once more, for nothing was stored yet.
async function repeatForWholeRow(step: BaseStep, sequence: LocalSequence): Promise<Float32Array> {
  const rows = step.rows.filter((row) => row.sequence === sequence)
  const guides = step.guides.filter((row) => row.sequence === sequence)
  const mixture = mixtureOf([sequence], rows, guides, () => true, step.runner.vocabSize)
  const { mixed } = await step.runner.run(rows, mixture, { logits: false, mixed: true, top: false })
  return mixed!
}

/** log softmax(logits)[id] of each term, in float64. */
function termLogprobs(step: BaseStep, sequence: LocalSequence, id: number): number[] {
  const size = step.runner.vocabSize
  return sequence.request.terms.map((_, term) => {
    const own = step.rows.findIndex((row) => row.sequence === sequence && row.term === term)
    const logits =
      own >= 0
        ? step.result.logits!.subarray(own * size, (own + 1) * size)
        : step.guides.find((row) => row.sequence === sequence && row.term === term)!.logits.subarray(0, size)
    return logits[id]! - logSumExp(logits)
  })
}

function logSumExp(logits: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY
  for (const value of logits) if (value > max) max = value
  let sum = 0
  for (const value of logits) sum += Math.exp(value - max)
  return max + Math.log(sum)
}
