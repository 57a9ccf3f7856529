import type { Replica } from './replica.ts'
import type { HealthSettings } from './upstream-settings.ts'

/**
 * Asks a replica's health route once. Whatever it answers below 500 means that it is alive: an engine without such a route says 404, one that
 * wants another key 401. A replica that comes back starts with a closed breaker.
 */
export async function probeReplica(
  replica: Replica,
  { path, timeoutMs, failures }: HealthSettings,
  headers: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const trouble = await troubleOf(replica, path, headers, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  if (signal.aborted) return
  if (trouble === undefined) {
    if (replica.isDown) replica.breaker.succeed()
    replica.failedProbes = 0
    return
  }
  replica.trouble = trouble
  // The first probe of all decides alone: nothing speaks for the replica yet.
  replica.failedProbes = replica.failedProbes === undefined ? failures : replica.failedProbes + 1
}

async function troubleOf(
  replica: Replica,
  path: string,
  headers: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { statusCode, body } = await replica.pool.request({
      path: replica.pathOf(path),
      method: 'GET',
      headers: headers as string[],
      signal,
    })
    await body.dump()
    return statusCode < 500 ? undefined : `${path} answers ${statusCode}`
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.message : String(error)}`
  }
}

export interface HealthWatch {
  /** A call said that a replica is gone: it is probed now, whenever its turn would have been. */
  suspect(replica: Replica): void
  stop(): Promise<void>
}

/** How soon a failed probe is made again, so that a replica that went away is out long before its next turns. */
const againMs = 250

/** Probes now and every `everyMs` (0: never). */
export function watchHealth(
  replicas: readonly Replica[],
  settings: HealthSettings,
  headers: readonly string[],
): HealthWatch {
  if (settings.everyMs === 0) return { suspect: () => {}, stop: async () => {} }
  const stop = new AbortController()
  const probing = new Map<Replica, Promise<void>>()
  const probe = (replica: Replica): void => {
    if (stop.signal.aborted || probing.has(replica)) return
    const probed = probeReplica(replica, settings, headers, stop.signal).finally(() => {
      probing.delete(replica)
      const wavering = (replica.failedProbes ?? 0) > 0 && !replica.isDown
      if (wavering) setTimeout(probe, Math.min(againMs, settings.everyMs), replica).unref()
    })
    probing.set(replica, probed)
  }
  const probeAll = () => replicas.forEach(probe)
  probeAll()
  const timer = setInterval(probeAll, settings.everyMs).unref()
  return {
    suspect: probe,
    async stop() {
      clearInterval(timer)
      stop.abort()
      await Promise.all(probing.values())
    },
  }
}
