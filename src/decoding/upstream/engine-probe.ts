import type { ChatTemplate } from '../checkpoint/chat-template.ts'
import type { TokenizerAdapter } from '../checkpoint/tokenizer.ts'
import type { EngineAbilities } from './token-engine.ts'

/** What a probe compares an engine with. */
export interface ProbeSubject {
  /** The engine's name of the model. */
  readonly model: string
  readonly tokenizer: TokenizerAdapter
  readonly chatTemplate: ChatTemplate | undefined
}

/** What an engine was found to be and to be able to do. */
export interface ProbeResult {
  readonly abilities: EngineAbilities
  /** Changes when the engine serves something else under the same name. */
  readonly identity: string
  /** Why guides and ids of the tokenizer configured cannot be used with it; empty: they can. */
  readonly problems: readonly string[]
  /** It is a guide inside the engine: nothing can be drawn from it alone. */
  readonly inside?: true
}

/** Texts on which tokenizers of different vocabularies do not agree. */
export const probeTexts = ['Hello, world! 12345', '  def f(x):\n\treturn x', 'Übergrößenträger, 東京 🚀'] as const

export const probeMessages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'What is 47 + 7?' },
] as const

/** Whether log-probabilities are those before the temperature: halving it doubles the distances of processed ones. */
export function logprobsMode(
  atOne: readonly number[],
  atHalf: readonly number[],
): Exclude<EngineAbilities['logprobs'], undefined> {
  const spread = (values: readonly number[]) => values[0]! - values.at(-1)!
  return spread(atHalf) < 1.5 * spread(atOne) ? 'raw' : 'processed'
}

/** The table that `trimtab check` prints, one line for each ability. */
export function abilityLines({ abilities, problems, inside }: ProbeResult): readonly string[] {
  if (inside) return ['  runs inside the engine, as a guide']
  const { mostTop, logprobs, tokenIds, chosenLogprobs, several, batches, models, contextLength, guides } = abilities
  const yes = (able: boolean) => (able ? 'yes' : 'no')
  const rows = [
    ['models and adapters', models.join(', ') || 'none'],
    ['context', contextLength === undefined ? 'not told' : `${contextLength} tokens`],
    ['token ids in and out', yes(tokenIds)],
    ['log-probabilities per token', mostTop === Number.POSITIVE_INFINITY ? 'whole vocabulary' : `at most ${mostTop}`],
    ['log-probabilities are', logprobs === undefined ? 'none' : `${logprobs} (${meaning[logprobs]})`],
    ['log-probabilities of chosen ids', yes(chosenLogprobs)],
    ['several drafts per call (n)', yes(several)],
    ['several prompts per call', yes(batches)],
    ['guides inside the engine', guides.join(', ') || 'none'],
    ['tokenizer and template', problems.length === 0 ? 'the same as configured' : problems.join('; ')],
  ] as const
  return rows.map(([what, how]) => `  ${what.padEnd(32)} ${how}`)
}

const meaning = { raw: 'before temperature and filters', processed: 'of the law that is sampled' } as const

/**
 * What token guidance needs that an engine does not have, in words that say what would help; empty: it can be guided.
 */
export function guidanceProblems({ abilities, problems, inside }: ProbeResult): readonly string[] {
  if (inside) return problems
  const { tokenIds, mostTop, logprobs } = abilities
  return [
    ...problems,
    ...(tokenIds ? [] : ['it does not take and give token ids: vLLM 0.11 or newer does']),
    ...(mostTop >= 2 && logprobs !== undefined
      ? []
      : ['it reports no log-probabilities of alternatives: start vLLM with --max-logprobs 64']),
  ]
}

type Messages = typeof probeMessages

/** Where the engine's ids of texts and conversations are not those of the tokenizer and the chat template configured, in words. */
export async function tokenizerProblems(
  { tokenizer, chatTemplate }: ProbeSubject,
  tokensOf: (text: string) => Promise<readonly number[]>,
  renderedTokensOf: (messages: Messages) => Promise<readonly number[]>,
): Promise<readonly string[]> {
  for (const text of probeTexts) {
    const theirs = await tokensOf(text)
    const ours = tokenizer.encode(text, false)
    if (!isSame(theirs, ours))
      return [`it tokenises ${JSON.stringify(text)} as ${theirs}, the tokenizer configured as ${ours}`]
  }
  if (chatTemplate === undefined) return []
  const theirs = await renderedTokensOf(probeMessages)
  const ours = tokenizer.encode(chatTemplate.render(probeMessages), false)
  // some engines leave out the BOS that they add to prompts by themselves
  return isSame(withoutBos(theirs, tokenizer), withoutBos(ours, tokenizer))
    ? []
    : ['its chat template renders messages otherwise than the one configured']
}

const withoutBos = (ids: readonly number[], { bosTokenId }: TokenizerAdapter): readonly number[] =>
  ids[0] === bosTokenId ? ids.slice(1) : ids

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i])
