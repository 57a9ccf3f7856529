import type { WireAlignment, WireToken } from '../api/chat-stream.ts'

/** A token as the page shows it: what was said of it, and of those that could have been drawn instead. */
export interface TokenView {
  readonly text: string
  /** Log-probability under the law it was drawn from. */
  readonly logprob: number
  /** Under the base alone; undefined before the trace has come, and in the base's own column. */
  readonly baseLogprob: number | undefined
  /** By guide: weight times what it said; empty where there is no trace. */
  readonly pulls: Readonly<Record<string, number>>
  /** Most likely first; the drawn token is among them, at its place or at the end. */
  readonly options: readonly OptionView[]
}

export interface OptionView {
  readonly text: string
  readonly logprob: number
  readonly baseLogprob: number | undefined
  readonly pulls: Readonly<Record<string, number>>
  readonly drawn: boolean
}

type Trace = NonNullable<WireAlignment['trace']>
type TokenTrace = NonNullable<Extract<Trace, { tokens: unknown }>['tokens']>[number]
type Weights = Readonly<Record<string, number>>

/** The streamed tokens, each with its part of the trace once that is there. */
export function tokenViews(tokens: readonly WireToken[], alignment: WireAlignment | undefined): TokenView[] {
  const trace = alignment?.trace
  const traced = trace !== undefined && 'tokens' in trace ? trace.tokens : undefined
  const texts = wholeTexts(tokens)
  return tokens.map((token, i) => viewOf(token, texts[i]!, traced?.[i], trace?.weights ?? {}))
}

function viewOf(token: WireToken, text: string, traced: TokenTrace | undefined, weights: Weights): TokenView {
  const own = {
    text,
    logprob: token.logprob,
    baseLogprob: traced?.base_logprob,
    pulls: weighted(traced?.guides, weights),
  }
  const others = token.top_logprobs.map(({ token: other, logprob, bytes }, i): OptionView => {
    const read = traced?.top?.[i]
    const drawn = other === token.token && sameBytes(bytes, token.bytes)
    return { text: other, logprob, baseLogprob: read?.base_logprob, pulls: weighted(read?.guides, weights), drawn }
  })
  if (others.some(({ drawn }) => drawn)) return { ...own, options: others }
  return { ...own, options: [...others, { ...own, text: token.token, drawn: true }] }
}

const weighted = (guides: Weights | undefined, weights: Weights): Weights =>
  Object.fromEntries(Object.entries(guides ?? {}).map(([name, said]) => [name, (weights[name] ?? 0) * said]))

const sameBytes = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

/** Each token's text; a character that several tokens make is shown where its last byte comes. */
function wholeTexts(tokens: readonly WireToken[]): string[] {
  const decoder = new TextDecoder()
  return tokens.map(({ bytes }, i) => decoder.decode(Uint8Array.from(bytes), { stream: i < tokens.length - 1 }))
}

/**
 * How far the guides together moved the token: log of its probability under the guided law over that under the base, in nats.
 * Undefined where nobody told.
 */
export const lift = ({ logprob, baseLogprob }: Pick<TokenView, 'logprob' | 'baseLogprob'>): number | undefined =>
  baseLogprob === undefined ? undefined : logprob - baseLogprob

/**
 * How much more a guide wanted each option than the options on average, in nats; the average is by the base's probabilities.
 * What a guide says of all alike moves nothing, so only such differences show.
 */
export function pushes(options: readonly OptionView[], guide: string): (number | undefined)[] {
  const known = options.filter(({ baseLogprob, pulls }) => baseLogprob !== undefined && pulls[guide] !== undefined)
  const mass = known.reduce((sum, { baseLogprob }) => sum + Math.exp(baseLogprob!), 0)
  if (mass === 0) return options.map(() => undefined)
  const mean = known.reduce((sum, { baseLogprob, pulls }) => sum + (Math.exp(baseLogprob!) / mass) * pulls[guide]!, 0)
  return options.map(({ pulls }) => (pulls[guide] === undefined ? undefined : pulls[guide] - mean))
}

/** What heats a token: all guides together, or one. */
export function heatOf(token: TokenView, guide: string | undefined): number | undefined {
  if (guide === undefined) return lift(token)
  return pushes(token.options, guide)[token.options.findIndex(({ drawn }) => drawn)]
}
