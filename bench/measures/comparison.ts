import { MissingRival } from '../missing.ts'
import { type ResultRow, rateRatios } from './result-row.ts'
import { alternate, type Contestant } from './rounds.ts'
import type { Target } from './target.ts'

/** A rival, or the reason why there is none. */
export interface Rival {
  readonly name: string
  readonly measure: MissingRival | Contestant['measure']
}

/** What the numbers of a comparison are: a rate is better high, a time low. Ratios say how many times as fast we are. */
export type Quantity = { readonly better: 'high' | 'low'; readonly unit: string }

export const tokensPerSecond: Quantity = { better: 'high', unit: 'tokens/s' }
export const seconds: Quantity = { better: 'low', unit: 's' }

/** Ours and all rivals in turn, round by round; a row for each pair. */
export async function compare(
  work: string,
  ours: readonly Contestant[],
  rivals: readonly Rival[],
  quantity: Quantity,
  { rounds, say }: { readonly rounds: number; readonly say: (line: string) => void },
  targetOf: (our: string, rival: string) => Target | undefined,
): Promise<ResultRow[]> {
  say(work)
  const present = rivals.flatMap(({ name, measure }) => (measure instanceof MissingRival ? [] : [{ name, measure }]))
  const found = await alternate([...ours, ...present], rounds, say)
  return ours.flatMap(({ name }) =>
    rivals.map((rival) => comparisonRow(work, name, rival, found, quantity, targetOf(name, rival.name))),
  )
}

function comparisonRow(
  work: string,
  our: string,
  rival: Rival,
  found: ReadonlyMap<string, readonly number[]>,
  { better, unit }: Quantity,
  target: Target | undefined,
): ResultRow {
  const mine = found.get(our)!
  const theirs = found.get(rival.name) ?? []
  const missing = rival.measure instanceof MissingRival ? rival.measure.message : undefined
  const ratios = () => (better === 'high' ? rateRatios(mine, theirs) : rateRatios(theirs, mine))
  return {
    work,
    comparison: `${our} / ${rival.name}`,
    unit: 'x',
    values: missing === undefined ? ratios() : [],
    measured: [
      { name: our, unit, values: mine },
      { name: rival.name, unit, values: theirs },
    ],
    ...(target === undefined ? {} : { target }),
    ...(missing === undefined ? {} : { missing }),
  }
}
