import type { z } from 'zod'
import type { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import type { chatRequest } from '../../src/server/chat-request.ts'
import type { BestOfSetting, ParticleSetting, Setting, Weights } from './setting.ts'

export type ChatBody = z.input<typeof chatRequest>
export type AlignmentBody = z.input<typeof alignmentOptions>

/** What the base alone is asked: the same prompt, seed and sampling, and no `alignment`. */
export function baseRequest({ model, system, prompt, seed, temperature, maxTokens }: Setting): ChatBody {
  const user = { role: 'user' as const, content: prompt }
  return {
    model,
    messages: system.trim() === '' ? [user] : [{ role: 'system' as const, content: system }, user],
    seed,
    temperature,
    max_tokens: maxTokens,
  }
}

/** The aligned request as a program would send it. */
export function alignedRequest(setting: Setting): ChatBody {
  const alignment = toAlignment(setting)
  const request = baseRequest(setting)
  return Object.keys(alignment).length === 0 ? request : { ...request, alignment }
}

/** `alignment` without whatever changes nothing. */
export function toAlignment(setting: Setting): AlignmentBody {
  const { principle, principleWeight, objectives, method, bestOf, particles } = setting
  const guides: NonNullable<AlignmentBody['guides']> = moved(setting.guides).map(([guide, weight]) => ({
    guide,
    weight,
  }))
  const text = principle.trim()
  if (text !== '' && principleWeight !== 0) guides.push({ principle: text, weight: principleWeight })
  const preferences = Object.fromEntries(moved(objectives))
  return {
    ...(guides.length === 0 ? {} : { guides }),
    ...(Object.keys(preferences).length === 0 ? {} : { preferences }),
    ...(method === 'best_of' ? { best_of: toBestOf(bestOf) } : {}),
    ...(method === 'particles' ? { particles: toParticles(particles) } : {}),
  }
}

const moved = (weights: Weights): [string, number][] => Object.entries(weights).filter(([, weight]) => weight !== 0)

const named = (reward: string) => (reward === '' ? {} : { reward })

function toBestOf({ n, reward, select, pruneAt }: BestOfSetting): NonNullable<AlignmentBody['best_of']> {
  return { n, ...named(reward), select, ...(pruneAt.length === 0 ? {} : { prune: { keep: 0.5, at: [...pruneAt] } }) }
}

function toParticles(setting: ParticleSetting): NonNullable<AlignmentBody['particles']> {
  const { n, reward, lambda, at, every, threshold } = setting
  return { n, ...named(reward), lambda, at, resample_every: every, ess_threshold: threshold }
}

/** How many alternatives the inspector shows of each token. */
export const shownAlternatives = 8

/** The same request as the page sends it: streamed, with log-probabilities and, where it is aligned, a trace. */
export function observed({ alignment, ...request }: ChatBody): ChatBody {
  return {
    ...request,
    stream: true,
    logprobs: true,
    top_logprobs: shownAlternatives,
    ...(alignment === undefined ? {} : { alignment: { ...alignment, trace: true } }),
  }
}
