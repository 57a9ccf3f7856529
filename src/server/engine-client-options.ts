import { engineEntry } from './engine-child.ts'
import type { MemoryCeiling } from './memory-ceiling.ts'

/** How the engine stands to its memory ceiling: passed it, came down again, or is ended because it did not. */
export type MemoryStanding = 'full' | 'room' | 'stuck'

export interface EngineClientOptions {
  /** The child's script; tests give a fake. */
  readonly entry?: URL
  readonly firstBackOffMs?: number
  readonly mostBackOffMs?: number
  /** After a child that had loaded its models: the next one will too, and every second without it is an outage. */
  readonly mostBackOffOnceReadyMs?: number
  /** A child that lived this long was healthy: the next back-off starts from the beginning. */
  readonly healthyAfterMs?: number
  /** A busy engine that says nothing for this long is ended and started again. */
  readonly silenceMs?: number
  /** Bound on what waits for one request's reader. */
  readonly mostWaitingBytes?: number
  /** Absent: its memory is not watched. */
  readonly memoryCeiling?: MemoryCeiling | undefined
  /** How often it is asked what it holds. */
  readonly memoryTickMs?: number
  readonly onProgress?: (message: string) => void
  readonly onSilence?: (silenceMs: number) => void
  readonly onMemory?: (standing: MemoryStanding, residentBytes: number) => void
  readonly onDeath?: (reason: string, restartInMs: number) => void
}

export const engineClientDefaults: Required<EngineClientOptions> = {
  memoryCeiling: undefined,
  memoryTickMs: 1000,
  entry: engineEntry,
  firstBackOffMs: 500,
  mostBackOffMs: 30_000,
  mostBackOffOnceReadyMs: 2000,
  healthyAfterMs: 60_000,
  silenceMs: 60_000,
  mostWaitingBytes: 16 * 2 ** 20,
  onProgress: () => {},
  onSilence: () => {},
  onMemory: () => {},
  onDeath: () => {},
}
