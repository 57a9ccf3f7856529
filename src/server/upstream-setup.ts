import { openUpstream } from '../decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import type { Config } from './config.ts'
import type { UpstreamConfig } from './upstream-config.ts'
import type { UpstreamPassage, Upstreams } from './upstreams.ts'

/** Opens every upstream of a configuration; connections are made when they are needed, probes are sent at once. */
export function openUpstreams(config: Config): Upstreams {
  const byName = new Map<string, UpstreamPassage>()
  for (const settings of upstreamSettings(config)) {
    byName.set(settings.name, { client: openUpstream(settings), affinityBytes: settings.affinityBytes })
  }
  const standard = Object.entries(config.upstreams).find(([, upstream]) => upstream.default)
  return { byName, byDefault: standard && byName.get(standard[0]) }
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
