/** A script of `k6/`, by its name. */
export interface LoadTest {
  readonly name: string
  readonly description: string
  /** What its groups are: methods, or the stages of a ramp. */
  readonly groupedBy: 'method' | 'stage'
  readonly slowReaders?: number
}

export const loadTests: readonly LoadTest[] = [
  { name: 'smoke', description: 'does every method answer?', groupedBy: 'method' },
  { name: 'steady', description: 'plain requests at a constant rate (RATE, SECONDS)', groupedBy: 'method' },
  { name: 'ramp', description: 'to saturation and past it (RATES, STEP)', groupedBy: 'stage' },
  { name: 'spike', description: 'ten times the rate at once, and back (RATE, SECONDS)', groupedBy: 'method' },
  {
    name: 'mixed',
    description: 'all methods, weights of their own in each request (RATE, SECONDS)',
    groupedBy: 'method',
  },
  { name: 'soak', description: 'the mix for 30 minutes, memory watched (RATE, SECONDS)', groupedBy: 'method' },
  {
    name: 'abuse',
    description: 'clients that leave, send too much, send rubbish, never read (RATE, SECONDS)',
    groupedBy: 'method',
    slowReaders: 20,
  },
]
