import type { UpstreamSettings } from '../../src/decoding/upstream/http/upstream-settings.ts'

/** Settings without probes, with waits that a test can sit through. */
export function testSettings(roots: readonly string[], change: Partial<UpstreamSettings> = {}): UpstreamSettings {
  return {
    name: 'gpu',
    kind: 'vllm',
    roots,
    apiKey: undefined,
    affinityBytes: 0,
    deadlines: { connectMs: 5000, firstByteMs: 30_000, idleMs: 30_000, totalMs: 60_000 },
    retries: { attempts: 2, ratio: 0.2, reserve: 10, backOffMs: 1 },
    health: { path: '/health', everyMs: 0, timeoutMs: 5000, failures: 2 },
    breaker: { failures: 100, openMs: 10_000 },
    ...change,
  }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}
