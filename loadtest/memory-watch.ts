import { residentMegabytes } from '../bench/served.ts'

export interface MemorySample {
  /** Milliseconds of the epoch. */
  readonly at: number
  readonly http: number
  readonly engine: number
}

/** Resident megabytes of both processes, every few seconds until told to stop. */
export function watchMemory([http, engine]: readonly [number, number], everyMs: number) {
  const samples: MemorySample[] = []
  const take = () =>
    void samples.push({ at: Date.now(), http: residentMegabytes(http), engine: residentMegabytes(engine) })
  take()
  const timer = setInterval(take, everyMs)
  return {
    stop(): readonly MemorySample[] {
      clearInterval(timer)
      return samples
    },
  }
}
