import { InvalidArgumentError } from 'commander'
import { drainStreams } from './drain-streams.ts'
import { idleConnections } from './idle-connections.ts'
import { killEngine } from './kill-engine.ts'
import { slowLoris } from './slow-loris.ts'

/** A fault to bring about. */
export interface Fault {
  readonly name: string
  readonly description: string
  /** How often, or how many, and what that counts. */
  readonly count: { readonly what: string; readonly usual: number }
  /** Whether the server stood it; what happened is printed. */
  run(count: number): Promise<boolean>
}

const clients = 16

export const faults: readonly Fault[] = [
  {
    name: 'kill-engine',
    description: 'kill -9 of the engine process under load, again and again',
    count: { what: 'kills', usual: 50 },
    run: (kills) => killEngine({ kills, parallel: clients }),
  },
  {
    name: 'drain',
    description: 'SIGTERM while streams run',
    count: { what: 'streams', usual: 50 },
    run: (streams) => drainStreams({ streams }),
  },
  {
    name: 'idle',
    description: 'connections that say nothing',
    count: { what: 'connections', usual: 10_000 },
    run: (connections) => idleConnections({ connections }),
  },
  {
    name: 'slow-loris',
    description: 'clients that send their headers a byte a second',
    count: { what: 'connections', usual: 200 },
    run: (connections) => slowLoris({ connections }),
  },
]

/** A count from the command line. */
export function positive(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}
