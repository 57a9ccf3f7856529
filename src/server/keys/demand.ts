import type { AlignmentOptions } from '../../guidance/alignment-options.ts'
import { underWay } from '../../guidance/search-options.ts'
import type { GenerationRequest, Prompt } from '../engine-messages.ts'

/** What a request asks for, as limits see it. */
export interface Demand {
  /** The name the client gave; undefined where no model is concerned. */
  readonly model: string | undefined
  /** Names of policies, `inline` for options of the request's own; empty without alignment. */
  readonly policies: readonly string[]
  readonly choices: number
  readonly guides: number
  /** Sequences it may hold at one time. */
  readonly cost: number
  /** Most tokens it may take, about. */
  readonly tokens: number
}

/** Bytes of text that make a token, about: what a limit is reserved by before anything is tokenised. */
const bytesPerToken = 4

/** Of a request to the own engine. */
export function demandOf(
  { prompts, n, sampling, defaultMaxTokens, alignment }: GenerationRequest,
  asked: Pick<Demand, 'model' | 'policies'>,
): Demand {
  const choices = prompts.length * n
  const cost = choices * sequencesOfChoice(alignment ?? {})
  const promptTokens = prompts.reduce((sum, prompt) => sum + aboutTokens(prompt), 0)
  const guides = (alignment?.guides?.length ?? 0) + Object.keys(alignment?.preferences ?? {}).length
  return { ...asked, choices, guides, cost, tokens: promptTokens + cost * (sampling.maxTokens ?? defaultMaxTokens) }
}

/** Candidates, particles with their trial completions, or prefixes of a search. */
function sequencesOfChoice({ best_of, particles, search }: AlignmentOptions): number {
  const trials = particles?.intermediate === 'completions' ? particles.completions : 0
  const population = particles === undefined ? 1 : particles.n * (1 + trials)
  return (best_of?.n ?? 1) * population * (search === undefined ? 1 : underWay(search))
}

function aboutTokens(prompt: Prompt): number {
  if (prompt.type === 'token-ids') return prompt.ids.length
  const text =
    prompt.type === 'text' ? prompt.text.length : prompt.messages.reduce((sum, m) => sum + m.content.length, 0)
  return Math.ceil(text / bytesPerToken)
}

/** Of a request that an upstream answers, by what a glance at its body found. */
export function passedDemand(
  model: string | undefined,
  bytes: number,
  { choices, maxTokens }: { readonly choices: number; readonly maxTokens: number },
): Demand {
  const tokens = Math.ceil(bytes / bytesPerToken) + choices * maxTokens
  return { model, policies: [], choices, guides: 0, cost: choices, tokens }
}

/** Of whole replies of an upstream among which one is chosen. */
export function candidatesDemand(
  fields: Readonly<Record<string, unknown>>,
  asked: Pick<Demand, 'model' | 'policies'>,
  candidates: number,
  defaultMaxTokens: number,
): Demand {
  const { max_completion_tokens, max_tokens, messages, prompt } = fields
  const most = [max_completion_tokens, max_tokens].find((value) => typeof value === 'number') ?? defaultMaxTokens
  const promptTokens = Math.ceil(JSON.stringify(messages ?? prompt ?? '').length / bytesPerToken)
  return { ...asked, choices: 1, guides: 0, cost: candidates, tokens: candidates * (promptTokens + Number(most)) }
}

/** Of answers to be judged: they hold no sequence, and are read once. */
export function rewardDemand(responses: readonly string[]): Demand {
  const tokens = Math.ceil(responses.reduce((sum, { length }) => sum + length, 0) / bytesPerToken)
  return { model: undefined, policies: [], choices: 1, guides: 0, cost: 1, tokens }
}
