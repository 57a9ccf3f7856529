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
  const failures = new Map<string, string>()
  const present = rivals.flatMap(({ name, measure }) =>
    measure instanceof MissingRival ? [] : [forgiving({ name, measure }, failures, say)],
  )
  const found = await alternate([...ours, ...present], rounds, say)
  return ours.flatMap(({ name }) =>
    rivals.map((rival) => {
      const missing = rival.measure instanceof MissingRival ? rival.measure.message : failures.get(rival.name)
      return comparisonRow(work, name, { name: rival.name, missing }, found, quantity, targetOf(name, rival.name))
    }),
  )
}

/** A rival that breaks down leaves the field, and its row says why: what the others did counts all the same. */
function forgiving(rival: Contestant, failures: Map<string, string>, say: (line: string) => void): Contestant {
  const { name } = rival
  return {
    name,
    async measure(round) {
      if (failures.has(name)) return Number.NaN
      try {
        return await rival.measure(round)
      } catch (error) {
        failures.set(name, `${name} failed in round ${round + 1}: ${String(error).split('\n')[0]}`)
        say(`  ${name} failed: ${error instanceof Error ? error.stack : error}`)
        return Number.NaN
      }
    },
  }
}

function comparisonRow(
  work: string,
  our: string,
  rival: { readonly name: string; readonly missing: string | undefined },
  found: ReadonlyMap<string, readonly number[]>,
  { better, unit }: Quantity,
  target: Target | undefined,
): ResultRow {
  const mine = found.get(our)!
  const { missing } = rival
  const theirs = missing === undefined ? found.get(rival.name)! : []
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
