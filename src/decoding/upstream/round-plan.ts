import type { LogitTerm, SequenceRequest } from '../decoder.ts'
import { endIds } from '../end-ids.ts'
import { InvalidRequestError, UnknownModelError } from '../errors.ts'
import { defaultSpeculation } from '../speculation.ts'
import type { RoundPlan } from './speculative-round.ts'
import { engineReader, localReader, type RowSource, type TermReader } from './term-reader.ts'
import type { UpstreamModel } from './upstream-model.ts'

/** Where terms can be read: upstream models by their names here, everything else with the local engine, if there is one. */
export interface TermPlaces {
  readonly upstream: ReadonlyMap<string, UpstreamModel>
  readonly local: RowSource | undefined
}

/**
 * Who drafts and who reads. The term of the largest coefficient among those on the base's engine drafts, for the closer the
 * drafts are to the target the more are accepted: with a principle that is the base behind the principle's prompt.
 * @throws InvalidRequestError, UnknownModelError
 */
export function roundPlan(request: SequenceRequest, places: TermPlaces): RoundPlan {
  const { terms, sampling } = request
  const base = places.upstream.get(terms[0]!.model)!
  const drafting = draftingTerm(terms, base, places)
  const term = terms[drafting]!
  const own = places.upstream.get(term.model)!
  const { exact, top } = request.speculation ?? defaultSpeculation
  const { abilities } = base.engine
  if (exact && abilities.mostTop !== Number.POSITIVE_INFINITY)
    throw new InvalidRequestError(
      `An exact target needs whole rows, but the engine reports at most ${abilities.mostTop} log-probabilities per token: start vLLM with --max-logprobs -1.`,
      'alignment.speculation.exact',
    )
  // one more than the support is asked for, to see whether the engine's top_k cut through equals
  const within = !exact && abilities.logprobs === 'raw' && abilities.distinctLogits
  const support = Math.min(top, within ? abilities.mostTop - 1 : abilities.mostTop, base.tokenizer.size)
  return {
    engine: own.engine,
    model: own.model,
    terms: { coefficients: terms.map(({ coefficient }) => coefficient), drafting },
    readers: terms.map((one, index) => (index === drafting ? undefined : readerOf(one, sampling.trace, places))),
    draftingPrompt: term.promptIds,
    sampling,
    vocabSize: base.tokenizer.size,
    support,
    within: within && support < base.tokenizer.size,
    exact,
    stopTokenIds: endIds(base.eosTokenIds, sampling),
  }
}

function draftingTerm(terms: readonly LogitTerm[], base: UpstreamModel, { upstream }: TermPlaces): number {
  let best = 0
  for (const [index, { model, coefficient }] of terms.entries()) {
    if (upstream.get(model)?.engine.name === base.engine.name && coefficient > terms[best]!.coefficient) best = index
  }
  return best
}

function readerOf(term: LogitTerm, traced: boolean, places: TermPlaces): TermReader | undefined {
  if (term.coefficient === 0 && !traced) return undefined
  const { coefficient: _, ...reading } = term
  const upstream = places.upstream.get(term.model)
  if (upstream !== undefined) return engineReader(upstream.engine, upstream.model, reading)
  if (places.local === undefined) throw new UnknownModelError(term.model, [...places.upstream.keys()])
  return localReader(places.local, reading)
}
