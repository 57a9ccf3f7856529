import type { SequenceRequest } from '../decoder.ts'
import { InvalidRequestError } from '../errors.ts'
import { hasPenalties } from '../penalties.ts'
import type { SamplingParams } from '../sampling-params.ts'
import { assertInsideAble, guidedInside } from './engine-tilt.ts'
import { assertTextOnly } from './openai/openai-engine.ts'
import type { TermPlaces } from './round-plan.ts'
import type { EngineAbilities } from './token-engine.ts'

/**
 * direct: the engine's own law, token for token. delegated: the engine applies the user's sampling, which it does on the whole
 * vocabulary. inside: it runs the guides as well. speculative: the engine drafts, guides read, the sampling is applied here to the guided law.
 */
export type DecodingMode = 'direct' | 'delegated' | 'inside' | 'speculative'

/**
 * How a request is decoded over an engine: by its terms, where they are, and its sampling.
 * @throws InvalidRequestError for guides that are at places which do not go together
 */
export function decodingMode({ terms, sampling }: SequenceRequest, places: TermPlaces['upstream']): DecodingMode {
  if (guidedInside(terms, places)) return 'inside'
  const guided = terms.some(({ coefficient }, index) => (index === 0 ? coefficient !== 1 : coefficient !== 0))
  // a trace wants every term's word on every token, also of those that cancel out
  if (guided || (sampling.trace && terms.length > 1)) return 'speculative'
  return isPlain(sampling) ? 'direct' : 'delegated'
}

function isPlain(sampling: SamplingParams): boolean {
  const { temperature, topK, topP, minP } = sampling
  return temperature === 1 && topK === undefined && topP >= 1 && minP <= 0 && !hasPenalties(sampling)
}

/**
 * What the engine's reports cannot answer is refused before anything is asked of it.
 * @throws InvalidRequestError naming the field and, where one exists, the option of the engine that would allow it
 */
export function assertAble(request: SequenceRequest, mode: DecodingMode, abilities: EngineAbilities): void {
  const { sampling } = request
  if (!abilities.tokenIds) assertTextOnly(mode === 'speculative', sampling)
  const wanted = sampling.topLogprobs ?? 0
  if (wanted > abilities.mostTop)
    throw new InvalidRequestError(
      `The engine reports at most ${abilities.mostTop} log-probabilities per token (vLLM: --max-logprobs), fewer than ${wanted}.`,
      'top_logprobs',
    )
  if (mode === 'delegated' && abilities.logprobs === 'raw' && sampling.temperature !== 0 && reportsLaw(sampling))
    throw new InvalidRequestError(
      'The engine reports log-probabilities before temperature, filters and penalties, so those of the law that was sampled are not known; ' +
        'use temperature 1 without filters, or start it with --logprobs-mode processed_logprobs (vLLM).',
      'logprobs',
    )
  if (mode === 'inside') assertInsideAble(request, abilities)
  if (mode !== 'speculative') return
  if (sampling.repetitionPenalty !== 1)
    throw new InvalidRequestError(
      'repetition_penalty depends on where zero lies on the scale of the logits, which an upstream does not tell: use presence_penalty or frequency_penalty.',
      'repetition_penalty',
    )
}

const reportsLaw = ({ topLogprobs, trace }: SamplingParams): boolean => topLogprobs !== undefined || trace
