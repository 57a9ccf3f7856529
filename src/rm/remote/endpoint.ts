import { setTimeout as sleep } from 'node:timers/promises'
import type { UpstreamClient } from '../../decoding/upstream/http/upstream-client.ts'
import { UpstreamError } from '../../decoding/upstream/http/upstream-error.ts'
import type { RemoteTransport } from './remote-options.ts'
import { Slots } from './slots.ts'
import type { Ask } from './wire-format.ts'

/** Statuses of an upstream that has not begun with a call. */
const refusals: ReadonlySet<number | undefined> = new Set([429, 503])

/**
 * Calls an upstream within a deadline, a number at a time. What failed before a reply began is made again by the pool; what was refused for now is
 * made again here, after the time that the upstream asked for, where the deadline leaves it. A reply that broke off is never asked for twice.
 */
export function endpoint(client: UpstreamClient, { parallel, timeout_seconds, retries }: RemoteTransport): Ask {
  const slots = new Slots(parallel)
  return (path, body, signal) =>
    slots.run(signal, async () => {
      const end = performance.now() + timeout_seconds * 1000
      for (let made = 0; ; made++) {
        const left = Math.max(1, end - performance.now())
        try {
          return await client.json(path, body, { signal, deadlines: { totalMs: left, firstByteMs: left + 1000 } })
        } catch (error) {
          const waitMs = waitOf(error)
          if (made >= retries || waitMs === undefined || performance.now() + waitMs >= end) throw error
          await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
        }
      }
    })
}

function waitOf(error: unknown): number | undefined {
  if (!(error instanceof UpstreamError) || !refusals.has(error.status)) return undefined
  return error.retryAfter === undefined ? undefined : error.retryAfter * 1000
}
