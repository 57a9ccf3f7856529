import type { EngineClientOptions, MemoryStanding } from './engine-client-options.ts'
import type { EngineReport } from './engine-messages.ts'
import { MemoryWatch } from './memory-ceiling.ts'

/** What the watch needs of the process that is running. */
export interface RunningEngine {
  stats(): Promise<EngineReport>
  /** Whether requests are under way. */
  isBusy(): boolean
  onStanding(standing: MemoryStanding): void
}

/** Watches the memory of the process that is running, where there is a ceiling; tells the operator first, then the engine. */
export function watchEngineMemory(
  { memoryCeiling, memoryTickMs, onMemory }: Required<EngineClientOptions>,
  engine: RunningEngine,
): MemoryWatch | undefined {
  if (memoryCeiling === undefined) return undefined
  const told = (standing: MemoryStanding) => (residentBytes: number) => {
    onMemory(standing, residentBytes)
    engine.onStanding(standing)
  }
  const watched = {
    residentBytes: () => residentBytes(engine),
    isBusy: () => engine.isBusy(),
    onFull: told('full'),
    onRoom: told('room'),
    onStuck: told('stuck'),
  }
  return new MemoryWatch(watched, memoryCeiling, memoryTickMs)
}

async function residentBytes(engine: RunningEngine): Promise<number | undefined> {
  // Rejected where it ends before it answers, which its exit tells.
  return await engine.stats().then(
    (stats) => stats.residentBytes,
    () => undefined,
  )
}
