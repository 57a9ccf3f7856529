import { endIds } from '../end-ids.ts'
import type { DrawScratch } from './draw-scratch.ts'
import { type BaseStep, drawNext, needsWholeRow } from './draw-step.ts'
import type { LocalSequence } from './local-sequence.ts'
import type { ModelRunner, StepResult } from './model-runner.ts'
import { type GuideRow, mixtureOf, type TermRow, termRow } from './step-mixture.ts'

/** A loaded model as a step needs it. */
export interface DecodingModel {
  readonly name: string
  readonly runner: ModelRunner
  readonly eosTokenIds: readonly number[]
  bytesOf(id: number): Uint8Array
}

/**
 * Draws one token for each sequence. Every model runs once over all rows it has as a guide, then once over all rows it has
 * as a base: sequences of all requests, with whatever guides and weights, share these passes.
 */
export async function decodeStep(
  sequences: readonly LocalSequence[],
  models: ReadonlyMap<string, DecodingModel>,
  scratch: DrawScratch,
): Promise<number> {
  const guides = await runGuides(sequences, models)
  let rowCount = guides.length
  for (const [name, group] of byBase(sequences)) {
    const model = models.get(name)!
    for (const pass of passes(group)) {
      const own = guides.filter((guide) => pass.includes(guide.sequence))
      rowCount += await decodeGroup(model, pass, own, scratch)
    }
  }
  return rowCount
}

// The mixture's sums run over a pass's rows in strides of 128: within one stride their order never changes.
const rowsPerPass = 128

/** Sequences in order, cut so that no pass has more rows than one stride, and none is split (one alone may have more). */
function passes(sequences: readonly LocalSequence[]): LocalSequence[][] {
  const found: LocalSequence[][] = []
  let rows = rowsPerPass
  for (const sequence of sequences) {
    rows += sequence.request.terms.length
    if (rows > rowsPerPass) {
      found.push([])
      rows = sequence.request.terms.length
    }
    found.at(-1)!.push(sequence)
  }
  return found
}

function byBase(sequences: readonly LocalSequence[]): Map<string, LocalSequence[]> {
  const groups = new Map<string, LocalSequence[]>()
  for (const sequence of sequences) {
    const name = sequence.request.terms[0]!.model
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [sequence])
    else group.push(sequence)
  }
  return groups
}

/** Rows of models other than the sequence's base; their K/V is stored at once, for nothing of them is ever repeated. */
async function runGuides(
  sequences: readonly LocalSequence[],
  models: ReadonlyMap<string, DecodingModel>,
): Promise<GuideRow[]> {
  const byModel = new Map<string, TermRow[]>()
  for (const sequence of sequences)
    for (const [term, { model }] of sequence.request.terms.entries()) {
      if (model === sequence.request.terms[0]!.model) continue
      byModel.set(model, [...(byModel.get(model) ?? []), termRow(sequence, term)])
    }
  const found: GuideRow[] = []
  for (const [name, rows] of byModel) {
    const { runner } = models.get(name)!
    const result = await runner.run(rows, undefined, { logits: true, mixed: false, top: false })
    store(rows, result)
    for (const [r, { sequence, term }] of rows.entries())
      found.push({ sequence, term, logits: result.logits!.subarray(r * runner.vocabSize, (r + 1) * runner.vocabSize) })
  }
  return found
}

async function decodeGroup(
  model: DecodingModel,
  sequences: readonly LocalSequence[],
  guides: readonly GuideRow[],
  scratch: DrawScratch,
): Promise<number> {
  const { runner, name } = model
  const rows = sequences.flatMap((sequence) =>
    sequence.request.terms.flatMap((term, t) => (term.model === name ? [termRow(sequence, t)] : [])),
  )
  const mixture = mixtureOf(sequences, rows, guides, needsWholeRow, runner.vocabSize)
  const result = await runner.run(rows, mixture, {
    logits: sequences.some((sequence) => sequence.request.sampling.trace),
    mixed: sequences.some(needsWholeRow),
    top: true,
  })
  const step: BaseStep = { runner, sequences, rows, guides, result, scratch, eosTokenIds: model.eosTokenIds }
  for (const index of sequences.keys()) await drawInto(model, step, index)
  store(rows, result)
  return rows.length
}

async function drawInto(model: DecodingModel, step: BaseStep, index: number): Promise<void> {
  const sequence = step.sequences[index]!
  const ends = endIds(model.eosTokenIds, sequence.request.sampling)
  try {
    const draw = await drawNext(step, index)
    if (ends.includes(draw.id)) sequence.acceptEnd(draw)
    else sequence.accept(draw, (sequence.request.grammar ?? model).bytesOf(draw.id))
    // without any token that ends an answer, a complete one ends by itself
    if (ends.length === 0 && sequence.exhausted) sequence.finish('stop')
  } catch (error) {
    sequence.fail(error)
  }
}

function store(rows: readonly TermRow[], result: StepResult): void {
  for (const [r, { context }] of rows.entries()) context.append(result, r)
}
