import { InvalidRequestError } from '../decoding/errors.ts'
import { bleuTokens } from './bleu-tokens.ts'
import type { Question, Reward } from './reward.ts'
import { plainVerdict, ruleReward } from './reward-verdicts.ts'

const order = 4

/** BLEU against the request's reference answers; an answer that holds `<answer>` is judged by what stands in it (BLEUBERI, arXiv 2505.11080). */
export function bleuReward(name: string): Reward {
  return ruleReward(name, { partial: false, range: [0, 1] }, (question) => {
    const bleu = bleuAgainst(referencesOf(name, question))
    return ({ text }) => plainVerdict(bleu(/<answer>([\s\S]*?)<\/answer>/.exec(text)?.[1] ?? text))
  })
}

function referencesOf(name: string, { references }: Question): readonly string[] {
  if (references === undefined || references.length === 0)
    throw new InvalidRequestError(
      `The reward '${name}' compares with reference answers: give at least one.`,
      'alignment.references',
    )
  const empty = references.findIndex((reference) => bleuTokens(reference).length === 0)
  if (empty >= 0) throw new InvalidRequestError('A reference answer is empty.', `alignment.references[${empty}]`)
  return references
}

/**
 * Sentence BLEU against references, as Hugging Face's `evaluate` computes it with smooth=true: n-grams up to 4 clipped at the most of any reference,
 * (matches + 1) / (possible + 1) for every n, brevity penalty against the shortest reference. 0 for an empty text.
 */
export function bleuAgainst(references: readonly string[]): (text: string) => number {
  const known = references.map(bleuTokens)
  const allowed = mostCounts(known)
  const shortest = Math.min(...known.map(({ length }) => length))
  return (text) => bleuOf(bleuTokens(text), allowed, shortest)
}

function bleuOf(tokens: readonly string[], allowed: ReadonlyMap<string, number>, shortest: number): number {
  if (tokens.length === 0) return 0
  let logPrecision = 0
  for (let n = 1; n <= order; n++) {
    const possible = Math.max(0, tokens.length - n + 1)
    logPrecision += Math.log((matchesOf(tokens, n, allowed) + 1) / (possible + 1)) / order
  }
  const brevity = Math.min(0, 1 - shortest / tokens.length)
  return Math.exp(brevity + logPrecision)
}

/** How often an n-gram of the text may count: as often as the reference that has it most. */
function mostCounts(references: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const most = new Map<string, number>()
  for (const tokens of references)
    for (let n = 1; n <= order; n++)
      for (const [gram, count] of gramCounts(tokens, n)) most.set(gram, Math.max(count, most.get(gram) ?? 0))
  return most
}

function matchesOf(tokens: readonly string[], n: number, allowed: ReadonlyMap<string, number>): number {
  let matches = 0
  for (const [gram, count] of gramCounts(tokens, n)) matches += Math.min(count, allowed.get(gram) ?? 0)
  return matches
}

/** N-grams by their tokens joined with a space, which no token holds. */
function gramCounts(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let start = 0; start + n <= tokens.length; start++) {
    const gram = tokens.slice(start, start + n).join(' ')
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}
