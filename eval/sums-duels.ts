import { comparePaired, type PairedComparison } from './paired-test.ts'
import { names } from './sums-policies.ts'

/** Of every method, by name: which prompts it answers soundly (1 or 0). */
export type Sound = ReadonlyMap<string, readonly number[]>

/** Two methods on the same sums. */
export interface Duel {
  readonly one: string
  readonly other: string
  readonly compared: PairedComparison
}

/** Methods beside each other, those that were drawn. @param weight of the reasoner, beside 1 */
export function duelsOf(sound: Sound, weight: number): readonly Duel[] {
  const { bestOf, particles, beam, tree } = names
  const pairs = [
    ...[...new Set([weight, 1])].flatMap(reasonerPairs),
    [particles(4), bestOf(4)],
    [particles(8), bestOf(8)],
    [beam, bestOf(8)],
    [tree, bestOf(8)],
  ] as const
  return pairs.flatMap(([one, other]) => {
    const [a, b] = [sound.get(one), sound.get(other)]
    return a === undefined || b === undefined ? [] : [{ one, other, compared: comparePaired(a, b) }]
  })
}

/** The reasoner and a method together, beside each alone; the reasoner alone is at 1, where it is best. */
function reasonerPairs(weight: number): readonly (readonly [string, string])[] {
  const { bestOf, particles } = names
  const [alone, both, population] = [
    names.reasonerAt(1),
    names.withReasoner(bestOf(8), weight),
    names.withReasoner(particles(8), weight),
  ]
  return [
    [both, alone],
    [both, bestOf(8)],
    [population, alone],
    [population, particles(8)],
    [population, both],
  ]
}
