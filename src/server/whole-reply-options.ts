import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import type { BestOfOptions } from '../guidance/whole-answer-options.ts'

type Problem = readonly [field: string, reason: string]

const needTokens: Readonly<Partial<Record<keyof AlignmentOptions, string>>> = {
  guides: 'guides tilt every token',
  preferences: 'preferences weigh guides, and rewards by objectives: name the reward in best_of',
  compat: 'it is a convention of guides',
  particles: 'particles go on from beginnings, token by token',
  search: 'a search goes on from beginnings, token by token',
  budget: 'it is that of a search',
  speculation: 'nothing is drafted in blocks',
  trace: 'no token is seen',
}

/**
 * Why an alignment cannot be kept over an upstream that is asked for whole replies, by field below `alignment`; empty: it can.
 * Best-of-N over whole replies needs no token.
 */
export function wholeReplyProblems(options: AlignmentOptions): readonly Problem[] {
  const fields = Object.entries(needTokens).flatMap(([field, reason]): Problem[] =>
    options[field as keyof AlignmentOptions] === undefined ? [] : [[field, reason]],
  )
  return [...fields, ...(options.best_of === undefined ? [] : bestOfProblems(options.best_of))]
}

function bestOfProblems({ prune, answer, select, reward }: BestOfOptions): readonly Problem[] {
  const problems: Problem[] = []
  if (prune !== undefined) problems.push(['best_of.prune', 'beginnings are not seen'])
  if (answer !== undefined)
    problems.push(['best_of.answer', 'patterns of a request are matched by the own engine only'])
  if (reward === undefined && select !== 'vote') problems.push(['best_of.reward', `select '${select}' needs a reward`])
  return problems
}

/** What would help. */
export const tokenRemedy =
  'Over this model whole replies can be chosen among (best_of). What needs tokens needs an upstream of kind vllm, sglang or llama-server, and the model a tokenizer in the configuration (docs/upstreams-guidance.md).'
