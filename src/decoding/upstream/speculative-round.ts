import type { TokenDraw } from '../decoder.ts'
import type { SamplingParams } from '../sampling-params.ts'
import type { RoundReport } from '../speculation.ts'
import { allOrNone } from './all-or-none.ts'
import { BlockPosition, type PositionFacts, type PositionTerms } from './block-position.ts'
import type { Chance } from './chance.ts'
import type { DraftLooks } from './draft-rates.ts'
import { UpstreamError } from './http/upstream-error.ts'
import { assertRow, type KnownLaw } from './known-law.ts'
import type { TermReader } from './term-reader.ts'
import type { BlockRequest, Draft, DraftRequest, EngineCall, EngineToken, TokenEngine } from './token-engine.ts'
import { type EmittedToken, verifyDrafts } from './verify-drafts.ts'

/** Who drafts and who reads in a request; the same for all its rounds. */
export interface RoundPlan {
  readonly engine: TokenEngine
  /** The engine's name of the drafting model. */
  readonly model: string
  readonly terms: PositionTerms
  /** One per term; undefined for the drafting one and for those of coefficient 0 that no trace asks for. */
  readonly readers: readonly (TermReader | undefined)[]
  readonly draftingPrompt: readonly number[]
  readonly sampling: SamplingParams
  readonly vocabSize: number
  /** Tokens the target is restricted to. */
  readonly support: number
  /** Draft among the support only (option A), or from the whole law (options A' and C). */
  readonly within: boolean
  readonly exact: boolean
  readonly stopTokenIds: readonly number[]
}

export interface RoundStart {
  /** The answer so far. */
  readonly answer: readonly number[]
  readonly block: number
  readonly drafts: number
  readonly seed: bigint
}

export interface RoundResult {
  readonly draws: readonly TokenDraw[]
  readonly report: RoundReport
  readonly looks: DraftLooks
}

/** Drafts a block, lets every other term read it, and emits the tokens that verification leaves. */
export async function speculativeRound(
  plan: RoundPlan,
  start: RoundStart,
  chance: Chance,
  call: EngineCall,
): Promise<RoundResult> {
  const drafts = await plan.engine.draft(draftRequest(plan, start), call)
  for (const { tokens } of drafts) for (const { top } of tokens) assertRow(plan.engine.name, top)
  const read = await readDrafts(plan, start.answer, drafts, call)
  const positions = new Map<string, BlockPosition>()
  const positionOf = (draft: number, at: number): BlockPosition => {
    const key = `${draft} ${at}`
    const position = positions.get(key) ?? blockPosition(plan, start, drafts[draft]!, read[draft]!, at, call)
    positions.set(key, position)
    return position
  }
  for (const { ended, tokens } of drafts) if (ended) assertEnd(plan, tokens.at(-1)?.id)
  const verified = await verifyDrafts(drafts, positionOf, chance)
  const emitted = verified.tokens.map((token) => emit(plan, token))
  const { examined, accepted } = verified
  const drafted = drafts.reduce((sum, { tokens }) => sum + tokens.length, 0)
  const truncations = emitted.map(({ truncation }) => truncation)
  return {
    draws: emitted.map(({ draw }) => draw),
    report: {
      drafted,
      examined,
      accepted,
      emitted: emitted.length,
      truncationSum: truncations.reduce((sum, bound) => sum + bound, 0),
      truncationMost: Math.max(0, ...truncations),
    },
    looks: verified,
  }
}

function draftRequest(plan: RoundPlan, { answer, block, drafts, seed }: RoundStart): DraftRequest {
  const greedy = plan.sampling.temperature === 0
  const within = plan.within && !greedy
  return {
    model: plan.model,
    promptIds: [...plan.draftingPrompt, ...answer],
    maxTokens: block,
    count: greedy ? 1 : drafts,
    seed,
    greedy,
    // the first one left out shows whether it ties with the last one kept
    top: within ? plan.support + 1 : plan.support,
    topK: within ? plan.support : undefined,
    stopTokenIds: plan.stopTokenIds,
    ignoreEos: plan.sampling.ignoreEos,
  }
}

/** An engine that ends a draft where no answer ends serves another model, or knows further ends; its drafts are of no use. */
function assertEnd({ engine, stopTokenIds }: RoundPlan, id: number | undefined): void {
  if (id !== undefined && stopTokenIds.includes(id)) return
  const where =
    id === undefined ? 'before its first token' : `at token ${id}, which does not end answers of the model configured`
  throw new UpstreamError('protocol', engine.name, `ended a draft ${where}`)
}

type ReadLaws = readonly (readonly KnownLaw[] | undefined)[]

/** What every term says along every draft, all read at the same time. */
async function readDrafts(
  plan: RoundPlan,
  answer: readonly number[],
  drafts: readonly Draft[],
  call: EngineCall,
): Promise<readonly ReadLaws[]> {
  const runs = drafts.map(({ tokens }) => (signal: AbortSignal) => {
    const block = tokens.map(({ id }) => id)
    const wanted = tokens.map((token) => wantedOf(plan, token))
    return readBlock(plan, answer, block, wanted, { ...call, signal })
  })
  return await allOrNone(call.signal, runs)
}

/**
 * What every term is asked at a position: the support, which depends on the reported row alone. Were the drafted token asked for as well, what an
 * engine leaves out of its answer could depend on the draft. Only where whole rows can be had is it of use: bounds are on its acceptance.
 */
function wantedOf({ support, exact }: RoundPlan, { id, top }: EngineToken): readonly number[] {
  const ids = top.ids.slice(0, support)
  return !exact || ids.includes(id) ? ids : [...ids, id]
}

async function readBlock(
  { readers }: RoundPlan,
  answer: readonly number[],
  block: readonly number[],
  wanted: BlockRequest['wanted'],
  call: EngineCall,
): Promise<ReadLaws> {
  const runs = readers.map((reader) => async (signal: AbortSignal) => {
    return await reader?.(answer, block, wanted, { ...call, signal })
  })
  return await allOrNone(call.signal, runs)
}

function blockPosition(
  plan: RoundPlan,
  start: RoundStart,
  draft: Draft,
  read: ReadLaws,
  at: number,
  call: EngineCall,
): BlockPosition {
  const answer = [...start.answer, ...draft.tokens.slice(0, at).map(({ id }) => id)]
  const facts: PositionFacts = { token: draft.tokens[at]!, answer, others: read.map((laws) => laws?.[at]) }
  const within = plan.within && plan.sampling.temperature !== 0
  const { sampling, support, vocabSize, exact, engine } = plan
  const draftsWithin = within ? { count: support, row: facts.token.top } : undefined
  const rules = { sampling, support, vocabSize, draftsWithin }
  const widen = (top: number) => widerFacts(plan, facts, start.seed, top, call)
  return new BlockPosition(facts, plan.terms, rules, { exact, mostTop: engine.abilities.mostTop, widen })
}

/** The same position once more with more tokens reported: a draft of one token, of which only the row is used. */
async function widerFacts(
  plan: RoundPlan,
  { token, answer }: PositionFacts,
  seed: bigint,
  top: number,
  call: EngineCall,
): Promise<PositionFacts> {
  const start = { answer, block: 1, drafts: 1, seed }
  const request = { ...draftRequest(plan, start), top, topK: undefined, greedy: true }
  const [draft] = await plan.engine.draft(request, call)
  const row = draft!.tokens[0]!.top
  assertRow(plan.engine.name, row)
  const wanted = top === Number.POSITIVE_INFINITY ? 'whole' : [row.ids]
  const read = await readBlock(plan, answer, [token.id], wanted, call)
  return { token: { ...token, top: row }, answer, others: read.map((laws) => laws?.[0]) }
}

function emit({ terms }: RoundPlan, { id, position }: EmittedToken<BlockPosition>) {
  const { decided } = position
  const facts = decided?.facts ?? position.facts
  const termLogprobs = terms.coefficients.map((_, j) => {
    return j === terms.drafting ? baseLogprob(facts, id) : (facts.others[j]?.logprob(id) ?? Number.NaN)
  })
  if (decided !== undefined) {
    const draw: TokenDraw = { id, ...decided.law.report(id), termLogprobs }
    return { draw, truncation: decided.law.truncation }
  }
  // Taken before its law was known; nobody asked for log-probabilities, so the middle of what it can be will do.
  const { least, most } = position.range()
  return { draw: { id, logprob: (least + most) / 2, top: undefined, termLogprobs }, truncation: 0 }
}

function baseLogprob({ token }: PositionFacts, id: number): number {
  const index = token.top.ids.indexOf(id)
  if (index >= 0) return token.top.logprobs[index]!
  return token.id === id ? token.logprob : Number.NaN
}
