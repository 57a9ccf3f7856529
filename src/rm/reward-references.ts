import type { RewardOptions } from './reward-options.ts'

/** What other sections of the configuration define. */
export interface KnownNames {
  readonly models: readonly string[]
  /** Guides that are a model or an adapter. */
  readonly trainedGuides: readonly string[]
  readonly upstreams: readonly string[]
}

export interface ReferenceProblem {
  /** Of the field, as rewards.NAME.field. */
  readonly path: string
  readonly message: string
}

type Rewards = Readonly<Record<string, RewardOptions>>

/** Names in the section `rewards` that lead nowhere, and combinations that hold themselves. */
export function rewardReferenceProblems(rewards: Rewards, known: KnownNames): ReferenceProblem[] {
  return Object.entries(rewards).flatMap(([name, options]) =>
    problemsOf(name, options, rewards, known).map(([path, message]) => ({ path: `rewards.${name}.${path}`, message })),
  )
}

type Problem = readonly [path: string, message: string]

function problemsOf(name: string, options: RewardOptions, rewards: Rewards, known: KnownNames): readonly Problem[] {
  switch (options.kind) {
    case 'implicit':
      return (['policy', 'reference'] as const).flatMap((side) =>
        readerProblems(options[side], known).map(([field, message]): Problem => [`${side}.${field}`, message]),
      )
    case 'arm':
    case 'length':
      return readerProblems(options, known)
    case 'combination':
      return Object.keys(options.rewards).flatMap((part) => partProblems(name, part, rewards))
    case 'remote':
      return missing('upstream', options.upstream, known.upstreams)
    default:
      return []
  }
}

function readerProblems(
  reader: { readonly model?: string | undefined; readonly guide?: string | undefined },
  { models, trainedGuides }: KnownNames,
): readonly Problem[] {
  return [...missing('model', reader.model, models), ...missing('guide', reader.guide, trainedGuides)]
}

function missing(
  kind: 'model' | 'guide' | 'upstream',
  name: string | undefined,
  known: readonly string[],
): readonly Problem[] {
  if (name === undefined || known.includes(name)) return []
  const list = known.length === 0 ? `no ${kind} is configured` : `known ${kind}s: ${known.join(', ')}`
  return [[kind, `the ${kind} '${name}' does not exist; ${list}`]]
}

function partProblems(name: string, part: string, rewards: Rewards): readonly Problem[] {
  if (!Object.hasOwn(rewards, part))
    return [
      [`rewards.${part}`, `the reward '${part}' does not exist; known rewards: ${Object.keys(rewards).join(', ')}`],
    ]
  if (part === name || holds(part, name, rewards, new Set()))
    return [[`rewards.${part}`, `'${name}' would hold itself through '${part}'`]]
  return []
}

function holds(outer: string, inner: string, rewards: Rewards, seen: Set<string>): boolean {
  const options = rewards[outer]
  if (options?.kind !== 'combination' || seen.has(outer)) return false
  seen.add(outer)
  return Object.keys(options.rewards).some((part) => part === inner || holds(part, inner, rewards, seen))
}
