import type { Machine } from '../bench/measures/machine.ts'
import type { ClientStream } from './client-probe.ts'
import type { MemorySample } from './memory-watch.ts'
import type { ReplyLine } from './reply-line.ts'
import type { Threshold } from './run-k6.ts'

/** Everything that one load test saw. */
export interface LoadRun {
  readonly test: string
  readonly date: string
  readonly machine: Machine
  /** Processes that wanted a core when it ended. */
  readonly loadAtEnd: number
  readonly settings: Readonly<Record<string, string>>
  readonly replies: readonly ReplyLine[]
  readonly thresholds: readonly Threshold[]
  readonly client: { readonly streams: readonly ClientStream[]; readonly failures: readonly string[] }
  readonly memory: readonly MemorySample[]
}
