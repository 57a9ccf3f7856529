/** One step of an answer. */
export interface Step {
  /** With what of its delimiter is visible, such as a full stop. */
  readonly text: string
  /** Characters of the answer up to the step's last visible one, that included. */
  readonly end: number
}

/**
 * The steps of an answer; blank ones are none.
 * @param withLast whether text behind the last delimiter is a step
 */
export function splitSteps(text: string, delimiter: string | RegExp, withLast: boolean): Step[] {
  const steps: Step[] = []
  const add = (start: number, body: string) => {
    if (body.trim() !== '') steps.push({ text: body, end: start + body.trimEnd().length })
  }
  let start = 0
  for (const match of text.matchAll(everyMatch(delimiter))) {
    if (match[0] === '') continue
    add(start, text.slice(start, match.index) + match[0].trimEnd())
    start = match.index + match[0].length
  }
  if (withLast) add(start, text.slice(start))
  return steps
}

function everyMatch(delimiter: string | RegExp): RegExp {
  if (typeof delimiter === 'string') return new RegExp(delimiter.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'g')
  return delimiter.global ? delimiter : new RegExp(delimiter.source, `${delimiter.flags}g`)
}

export type Aggregate = 'min' | 'last' | 'mean' | 'product'

/** One number of the steps' probabilities, given as logarithms; a product of many does not underflow on the way. */
export function aggregateSteps(aggregate: Aggregate, logs: readonly number[]): number {
  if (aggregate === 'product') return Math.exp(logs.reduce((sum, log) => sum + log, 0))
  if (aggregate === 'min') return Math.exp(logs.reduce((least, log) => Math.min(least, log), 0))
  if (aggregate === 'last') return Math.exp(logs.at(-1)!)
  return logs.reduce((sum, log) => sum + Math.exp(log), 0) / logs.length
}

/** Step rewards reshaped so that more steps cannot earn more (arXiv 2410.15115); the sum is then the score. */
export type Shaping =
  /** min(r - eta, 0): only steps worse than eta count, against the answer. */
  | { readonly kind: 'clip'; readonly eta: number }
  /** r_k - r_(k+1), the last but one as it is, the last 0: a sum of at most the first step's reward. */
  | { readonly kind: 'delta' }

export function shapeSteps(shaping: Shaping, rewards: readonly number[]): number[] {
  if (shaping.kind === 'clip') return rewards.map((reward) => Math.min(reward - shaping.eta, 0))
  const last = rewards.length - 1
  return rewards.map((reward, k) => (k === last ? 0 : k === last - 1 ? reward : reward - rewards[k + 1]!))
}
