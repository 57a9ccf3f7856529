import type { LogitTerm, SequenceRequest } from '../decoder.ts'
import { InvalidRequestError } from '../errors.ts'
import type { TermPlaces } from './round-plan.ts'
import type { EngineAbilities, EngineTilt } from './token-engine.ts'

type Places = TermPlaces['upstream']

/**
 * Whether all guides of a request run inside the base's engine.
 * @throws InvalidRequestError for what cannot be read together: guides inside and elsewhere, or inside of another engine
 */
export function guidedInside(terms: readonly LogitTerm[], places: Places): boolean {
  const [base, ...guides] = terms
  const inside = guides.filter(({ model }) => places.get(model)?.inside)
  if (inside.length === 0) return false
  const engine = places.get(base!.model)!.engine.name
  for (const { model } of inside)
    if (places.get(model)!.engine.name !== engine)
      throw new InvalidRequestError(`The guide '${model}' runs inside of another engine than '${base!.model}'.`, field)
  const outside = guides.find(({ model }) => !inside.some((one) => one.model === model))
  if (outside === undefined) return true
  throw new InvalidRequestError(
    `The guide '${inside[0]!.model}' runs inside the engine, which reads no drafts with it: it cannot be combined with '${outside.model}', which does not run there.`,
    field,
  )
}

const field = 'alignment.guides'

/**
 * What a request with guides inside asks for that they cannot give.
 * @throws InvalidRequestError naming the field and, where one exists, the option of the engine that would allow it
 */
export function assertInsideAble({ terms, sampling, speculation }: SequenceRequest, abilities: EngineAbilities): void {
  const [base] = terms
  if (speculation !== undefined)
    throw new InvalidRequestError('The guides run inside the engine: nothing is drafted.', 'alignment.speculation')
  if (sampling.trace)
    throw new InvalidRequestError(
      'Guides that run inside the engine do not tell their log-probabilities, which a trace and the global target of particles need.',
      'alignment.trace',
    )
  if (sampling.topLogprobs !== undefined && abilities.logprobs !== 'processed')
    throw new InvalidRequestError(
      'The engine reports log-probabilities before its guides: start it with --logprobs-mode processed_logprobs (vLLM).',
      'logprobs',
    )
  if (base!.coefficient !== 1 && sampling.logitBias.size > 0)
    throw new InvalidRequestError(
      'The engine adds biases before its guides, and these guides weigh the base: use logit_bias without relative guides.',
      'logit_bias',
    )
}

/** What the engine is asked to add; `answer`: the tokens that go into its prompt. */
export function engineTilt(terms: readonly LogitTerm[], answer: readonly number[], places: Places): EngineTilt {
  const [base, ...guides] = terms
  return {
    base: base!.coefficient,
    guides: guides.map(({ model, coefficient, promptIds }) => ({
      name: places.get(model)!.model,
      weight: coefficient,
      promptIds: isSame(promptIds, base!.promptIds) ? undefined : [...promptIds, ...answer],
    })),
  }
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a === b || (a.length === b.length && a.every((id, i) => id === b[i]))
