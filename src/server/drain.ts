import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Load } from './load.ts'

/** What works on requests: the engine, an upstream. */
export interface Worker {
  readonly inFlight: number
  close(): Promise<void>
}

/** Last bytes of replies that were broken off, or counted nowhere, get this long to leave. */
const flushMs = 2000

/**
 * Lets what is in flight finish, at most `mostMs`, then ends the workers and the connections. A request is in flight until its client has
 * taken the reply: one that reads slowly may be far behind an engine that is done. The server answers (with refusals) until then, so that a load
 * balancer can see that it is going.
 */
export async function drain(
  server: Server,
  workers: readonly Worker[],
  load: Pick<Load, 'cost'>,
  mostMs: number,
): Promise<void> {
  await until(() => load.cost === 0 && workers.every(({ inFlight }) => inFlight === 0), mostMs)
  await Promise.all(workers.map((worker) => worker.close()))
  let closed = false
  server.close(() => {
    closed = true
  })
  await until(() => {
    server.closeIdleConnections()
    return closed
  }, flushMs)
}

async function until(condition: () => boolean, mostMs: number): Promise<void> {
  const deadline = performance.now() + mostMs
  while (!condition() && performance.now() < deadline) await sleep(20)
}
