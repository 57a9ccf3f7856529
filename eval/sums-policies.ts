import { alignmentOptions } from '../src/guidance/alignment-options.ts'
import { particlesOf } from './particle-settings.ts'
import { type Policy, policy } from './policy.ts'
import type { Task } from './task.ts'

/** What is compared with each other by name. */
export const names = {
  base: 'base',
  reasoner: 'reasoner',
  bestOf: (n: number) => `best of ${n}`,
  particles: (n: number) => `${n} particles`,
  withReasoner: (method: string) => `reasoner + ${method}`,
  beam: 'step beam search',
  tree: 'tree search',
} as const

/** Every way of working out sums that the configuration has all parts of. */
export function sumsPolicies(task: Task, hasReasoner: boolean): readonly Policy[] {
  const { reward } = task
  const bestOf = (n: number) => ({ best_of: { n, reward } })
  const guides = [{ guide: 'reasoner', weight: 1 }]
  const plain = [
    policy(names.base, {}),
    ...[4, 8, 16].map((n) => policy(names.bestOf(n), bestOf(n), { stream: n })),
    ...[4, 8].map((n) => policy(names.particles(n), particlesOf(task, n), { stream: 100 + n })),
    ...searchPolicies(task),
  ]
  if (!hasReasoner) return plain
  return [
    ...plain,
    policy(names.reasoner, { guides }),
    policy(names.withReasoner(names.bestOf(8)), { guides, ...bestOf(8) }, { stream: 208 }),
    policy(names.withReasoner(names.particles(8)), { guides, ...particlesOf(task, 8) }, { stream: 308 }),
  ]
}

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
