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

/** Whether new requests would be taken, and how busy the engine is. */
export async function readyz(gateway: Gateway): Promise<{ ready: boolean; body: object }> {
  const { status, models, restarts } = gateway.engine.state
  if (gateway.isDraining()) return { ready: false, body: { status: 'draining' } }
  if (status !== 'ready') return { ready: false, body: { status: 'engine_unavailable', engine: { status, restarts } } }
  const stats = await gateway.engine.stats()
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
