import { alignmentOptions } from '../src/guidance/alignment-options.ts'
import { particlesOf } from './particle-settings.ts'
import { type Policy, policy } from './policy.ts'
import type { Task } from './task.ts'

/** What is compared with each other by name. */
export const names = {
  base: 'base',
  bestOf: (n: number) => `best of ${n}`,
  particles: (n: number) => `${n} particles`,
  reasonerAt: (weight: number) => (weight === 1 ? 'reasoner' : `reasoner at ${weight}`),
  withReasoner: (method: string, weight = 1) => `${names.reasonerAt(weight)} + ${method}`,
  beam: 'step beam search',
  tree: 'tree search',
} as const

/** Every way of working out sums that the configuration has all parts of. */
export function sumsPolicies(task: Task, reasonerWeights: readonly number[]): readonly Policy[] {
  const bestOf = (n: number) => bestOfBy(task, n)
  return [
    policy(names.base, {}),
    ...[4, 8, 16].map((n) => policy(names.bestOf(n), bestOf(n), { stream: n })),
    ...[4, 8].map((n) => policy(names.particles(n), particlesOf(task, n), { stream: 100 + n })),
    ...searchPolicies(task),
    ...reasonerWeights.flatMap((weight) => Object.values(withReasoner(task, weight))),
  ]
}

/** The reasoner at one weight: alone, and with a method that chooses among the answers of base and reasoner. */
export function withReasoner(task: Task, weight: number) {
  const guides = [{ guide: 'reasoner', weight }]
  const named = (method: string) => names.withReasoner(method, weight)
  return {
    alone: policy(names.reasonerAt(weight), { guides }),
    bestOf: policy(named(names.bestOf(8)), { guides, ...bestOfBy(task, 8) }, { stream: 208 }),
    particles: policy(named(names.particles(8)), { guides, ...particlesOf(task, 8) }, { stream: 308 }),
  } as const
}

const bestOfBy = ({ reward }: Task, n: number) => ({ best_of: { n, reward } })

/** Searches, where the request's `alignment` has them. */
function searchPolicies({ reward }: Task): readonly Policy[] {
  const steps = { reward, at: 'step', delimiter: '. ' }
  const searches = [
    [names.beam, { method: 'beam', width: 2, branch: 4, ...steps }],
    [names.tree, { method: 'tree', branch: 3, iterations: 8, rollout_steps: 3, ...steps }],
  ] as const
  return searches.flatMap(([name, search], i) => {
    const parsed = alignmentOptions.safeParse({ search })
    return parsed.success ? [{ name, alignment: parsed.data, temperature: 1, stream: 400 + i }] : []
  })
}
