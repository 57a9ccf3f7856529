/** Everything a person chooses on the page; the permalink holds all of it, and nothing else makes a request. */
export interface Setting {
  readonly model: string
  readonly system: string
  readonly prompt: string
  readonly seed: number
  readonly temperature: number
  readonly maxTokens: number
  /** Weights by guide; absent is 0, and 0 is not sent. */
  readonly guides: Weights
  /** The request's `preferences`, by objective. */
  readonly objectives: Weights
  readonly principle: string
  readonly principleWeight: number
  readonly method: Method
  readonly bestOf: BestOfSetting
  readonly particles: ParticleSetting
}

export type Weights = Readonly<Record<string, number>>

export const methods = ['sample', 'best_of', 'particles'] as const
export type Method = (typeof methods)[number]

export interface BestOfSetting {
  readonly n: number
  /** A configured reward; empty: the rewards of the objectives. */
  readonly reward: string
  readonly select: (typeof selections)[number]
  /** Lengths in tokens at which the worse half is dropped; empty: none is. */
  readonly pruneAt: readonly number[]
}

export const selections = ['best', 'soft'] as const

export interface ParticleSetting {
  readonly n: number
  readonly reward: string
  readonly lambda: number
  readonly at: (typeof checkpoints)[number]
  /** Tokens or sentences between checkpoints. */
  readonly every: number
  /** Resample below this share of n. */
  readonly threshold: number
}

export const checkpoints = ['tokens', 'sentence'] as const

export const startSetting: Setting = {
  model: '',
  system: '',
  prompt: '',
  seed: 7,
  temperature: 1,
  maxTokens: 120,
  guides: {},
  objectives: {},
  principle: '',
  principleWeight: 1.5,
  method: 'sample',
  bestOf: { n: 8, reward: '', select: 'best', pruneAt: [] },
  particles: { n: 8, reward: '', lambda: 4, at: 'tokens', every: 8, threshold: 0.5 },
}
