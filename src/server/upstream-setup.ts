import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { openUpstream } from '../decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import type { Config } from './config.ts'
import type { UpstreamConfig } from './upstream-config.ts'
import type { UpstreamPassage, Upstreams } from './upstreams.ts'

/** Opens every upstream of a configuration, but those of `before` that stayed the same; connections are made when they are needed, probes are sent at once. */
export function openUpstreams(
  config: Config,
  before?: { readonly config: Config; readonly upstreams: Upstreams },
): Upstreams {
  const byName = new Map<string, UpstreamPassage>()
  for (const settings of upstreamSettings(config)) {
    const { name, affinityBytes } = settings
    const known = before?.upstreams.byName.get(name)
    const same = known && isDeepStrictEqual(before?.config.upstreams[name], config.upstreams[name])
    byName.set(name, same ? known : { client: openUpstream(settings), affinityBytes })
  }
  const standard = Object.entries(config.upstreams).find(([, upstream]) => upstream.default)
  return { byName, byDefault: standard && byName.get(standard[0]) }
}

/** The upstreams that a reload did not take over. */
export function leftBehind(before: Upstreams, after: Upstreams): readonly UpstreamClient[] {
  const kept = new Set([...after.byName.values()].map(({ client }) => client))
  return [...before.byName.values()].map(({ client }) => client).filter((client) => !kept.has(client))
}

/** Closes it when its last request is over. */
export async function closeWhenIdle(client: UpstreamClient): Promise<void> {
  // A request that has chosen it may be about to call.
  do await sleep(1000, undefined, { ref: false })
  while (client.inFlight > 0)
  await client.close()
}

/** The upstreams of a configuration, by name. */
export function upstreamSettings(config: Config): readonly UpstreamSettings[] {
  return Object.entries(config.upstreams).map(([name, upstream]) => settingsOf(name, upstream))
}

function settingsOf(name: string, upstream: UpstreamConfig): UpstreamSettings {
  const { deadlines, retries, health, breaker } = upstream
  return {
    name,
    kind: upstream.kind,
    roots: upstream.urls.map((url) => url.replace(/\/+$/, '').replace(/\/v1$/, '')),
    apiKey: upstream.api_key,
    affinityBytes: upstream.affinity_bytes,
    deadlines: {
      connectMs: deadlines.connect_seconds * 1000,
      firstByteMs: deadlines.first_byte_seconds * 1000,
      idleMs: deadlines.idle_seconds * 1000,
      totalMs: deadlines.total_seconds * 1000,
    },
    retries: {
      attempts: retries.attempts,
      ratio: retries.ratio,
      reserve: retries.reserve,
      backOffMs: retries.back_off_seconds * 1000,
    },
    health: {
      path: health.path ?? (upstream.kind === 'openai' ? '/v1/models' : '/health'),
      everyMs: health.every_seconds * 1000,
      timeoutMs: health.timeout_seconds * 1000,
      failures: health.failures,
    },
    breaker: { failures: breaker.failures, openMs: breaker.open_seconds * 1000 },
  }
}
