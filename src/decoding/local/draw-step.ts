import type { TokenDraw } from '../decoder.ts'
import { endIds } from '../end-ids.ts'
import { drawAllowed } from '../grammar/allowed-draw.ts'
import { tailChunk } from '../graph/mixture.ts'
import { type Draw, drawFromTop, reportedTop, wholeVocabulary } from '../head-draw.ts'
import { applyPenalties } from '../penalties.ts'
import { drawFromLogits } from '../sampler.ts'
import type { SamplingParams } from '../sampling-params.ts'
import { drawFromTail, drawsFromTail } from '../tail-draw.ts'
import type { TopLogits } from '../top-logits.ts'
import type { DrawScratch } from './draw-scratch.ts'
import type { LocalSequence } from './local-sequence.ts'
import type { ModelRunner, StepResult } from './model-runner.ts'
import { type GuideRow, mixtureOf, nextUniform, type TermRow } from './step-mixture.ts'

/**
 * Whether the sequence gets its whole row at once: penalties, biases and grammars reach tokens beyond the most likely ones, and
 * where a law was flat lately, it will be again. Only the sequence's own past decides, so its bits do not depend on its neighbours.
 */
export const needsWholeRow = (sequence: LocalSequence): boolean =>
  sequence.history !== undefined || sequence.grammarState !== undefined || sequence.wholeRows > 0

// Two misses this close mean a flat law; after as many whole rows as given the most likely tokens are tried again.
const closeMisses = 4
const wholeRowsAfterMisses = 16

/** Everything one base model's step brought for its sequences. */
export interface BaseStep {
  readonly runner: ModelRunner
  readonly sequences: readonly LocalSequence[]
  readonly rows: readonly TermRow[]
  readonly guides: readonly GuideRow[]
  readonly result: StepResult
  readonly scratch: DrawScratch
  readonly eosTokenIds: readonly number[]
}

/** Draws the next token of `sequences[index]`. */
export async function drawNext(step: BaseStep, index: number): Promise<TokenDraw> {
  const sequence = step.sequences[index]!
  const u = nextUniform(sequence)
  const draw = drawFast(step, index, u) ?? (await drawWhole(step, index, u))
  return sequence.request.sampling.trace ? traced(step, sequence, draw) : { ...draw, termLogprobs: undefined }
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
  const { sampling } = sequence.request
  return drawFromTop(head, step.runner.vocabSize, sampling, u) ?? drawBeyond(top, index, head, sampling, u)
}

/** The draw when `u` lies beyond the most likely tokens and no filter asks for the order of the others. */
function drawBeyond(
  top: NonNullable<StepResult['top']>,
  index: number,
  head: TopLogits,
  sampling: SamplingParams,
  u: number,
): Draw | undefined {
  const { tail } = top
  if (tail === undefined || !drawsFromTail(sampling) || (sampling.topLogprobs ?? 0) > top.count) return undefined
  const chunk = {
    firstId: tail.chunks[index]! * tailChunk,
    probs: tail.probs.subarray(index * tailChunk, (index + 1) * tailChunk),
    before: tail.before[index]!,
  }
  let headMass = 0
  for (const logprob of head.values) headMass += Math.exp(logprob)
  const draw = drawFromTail(chunk, headMass, u)
  return draw && { ...draw, top: reportedTop(head, wholeVocabulary(head), sampling) }
}

async function drawWhole(step: BaseStep, index: number, u: number): Promise<Draw> {
  const sequence = step.sequences[index]!
  const { sampling } = sequence.request
  const logits = needsWholeRow(sequence) ? wholeRow(step, index) : await repeatForWholeRow(step, sequence)
  countWholeRow(sequence)
  if (sequence.history !== undefined) applyPenalties(logits, sampling, sequence.history)
  const { grammarState } = sequence
  if (grammarState === undefined) return drawFromLogits(logits, sampling, u, step.scratch.selection)
  const ends = endIds(step.eosTokenIds, sampling)
  const tokensLeft = sampling.maxTokens - sequence.generatedTokens
  const mask = sequence.request.grammar!.allowedWithin(grammarState, tokensLeft, ends.length > 0)
  return drawAllowed(logits, { mask, ends, complete: grammarState.complete }, sampling, u, step.scratch)
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

/** The draw with log softmax(logits) of each term, in float64, at its token and at the alternatives it reports. */
function traced(step: BaseStep, sequence: LocalSequence, draw: Draw): TokenDraw {
  const terms = sequence.request.terms.map((_, term) => termLogits(step, sequence, term))
  const normalisers = terms.map(logSumExp)
  const at = (id: number) => terms.map((logits, term) => logits[id]! - normalisers[term]!)
  const top = draw.top?.map((alternative) => ({ ...alternative, termLogprobs: at(alternative.id) }))
  return { ...draw, top, termLogprobs: at(draw.id) }
}

function termLogits(step: BaseStep, sequence: LocalSequence, term: number): Float32Array {
  const size = step.runner.vocabSize
  const own = step.rows.findIndex((row) => row.sequence === sequence && row.term === term)
  if (own >= 0) return step.result.logits!.subarray(own * size, (own + 1) * size)
  return step.guides.find((row) => row.sequence === sequence && row.term === term)!.logits.subarray(0, size)
}

function logSumExp(logits: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY
  for (const value of logits) if (value > max) max = value
  let sum = 0
  for (const value of logits) sum += Math.exp(value - max)
  return max + Math.log(sum)
}
