import type { Gateway } from './gateway.ts'

/** Body of GET /healthz: this process answers; whether it can generate is /readyz's question. */
export function healthz(gateway: Gateway) {
  const { status, restarts } = gateway.engine.state
  return {
    status: 'ok',
    pid: process.pid,
    engine: { status, restarts },
    draining: gateway.isDraining(),
    event_loop_delay_ms: gateway.eventLoopDelay(),
  }
}

const statsPatienceMs = 2000

/** The value, or undefined when it fails (the engine died meanwhile) or takes longer than a probe should wait. */
async function within<T>(value: Promise<T>, patienceMs: number): Promise<T | undefined> {
  const signal = AbortSignal.timeout(patienceMs)
  const patience = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)))
  return await Promise.race([value.catch(() => undefined), patience])
}

/** Whether new requests would be taken, and how busy the engine is. */
export async function readyz(gateway: Gateway): Promise<{ ready: boolean; body: object }> {
  const { status, models, restarts } = gateway.engine.state
  if (gateway.isDraining()) return { ready: false, body: { status: 'draining' } }
  if (status !== 'ready') return { ready: false, body: { status: 'engine_unavailable', engine: { status, restarts } } }
  const stats = await within(gateway.engine.stats(), statsPatienceMs)
  if (stats === undefined) return { ready: false, body: { status: 'engine_silent', engine: { status, restarts } } }
  return {
    ready: true,
    body: {
      status: 'ready',
      models: models.map(({ name, weights, contextLength }) => ({ name, weights, context: contextLength })),
      engine: {
        status,
        restarts,
        running: stats.running,
        waiting: stats.waiting,
        steps: stats.steps,
        prefilled_tokens: stats.prefilledTokens,
        cached_tokens: stats.cachedTokens,
        decoded_rows: stats.decodedRows,
        blocks: stats.blocks,
      },
    },
  }
}
