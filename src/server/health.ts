import type { Engine } from './engine.ts'
import type { Gateway } from './gateway.ts'
import { isUsable, type Upstreams } from './upstreams.ts'
import { within } from './within.ts'

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

/** Whether new requests would be taken, and how busy the engine and the upstreams are. */
export async function readyz(gateway: Gateway): Promise<{ ready: boolean; body: object }> {
  if (gateway.isDraining()) return { ready: false, body: { status: 'draining' } }
  const engine = await engineReadiness(gateway.engine)
  const upstreams = upstreamReadiness(gateway.upstreams)
  const body = { ...engine.body, ...upstreams.body }
  if (!engine.ready || upstreams.ready) return { ready: engine.ready, body }
  return { ready: false, body: { ...body, status: 'upstream_unavailable' } }
}

/** An upstream is ready while one of its replicas is; one that has none makes the whole gateway not ready. */
function upstreamReadiness({ byName }: Upstreams): { ready: boolean; body: object } {
  if (byName.size === 0) return { ready: true, body: {} }
  const upstreams = [...byName].map(([name, upstream]) => {
    const { client } = upstream
    const replicas = client.replicas.map(({ status, load }) => ({ status, load }))
    return [name, { status: isUsable(upstream) ? 'ready' : 'unavailable', replicas }] as const
  })
  const ready = [...byName.values()].every(isUsable)
  return { ready, body: { upstreams: Object.fromEntries(upstreams) } }
}

async function engineReadiness(engine: Engine): Promise<{ ready: boolean; body: object }> {
  const { status, models, restarts } = engine.state
  if (status === 'absent') return { ready: true, body: { status: 'ready' } }
  if (status === 'full') return { ready: false, body: { status: 'memory_ceiling', engine: { status, restarts } } }
  if (status !== 'ready') return { ready: false, body: { status: 'engine_unavailable', engine: { status, restarts } } }
  const stats = await within(engine.stats(), statsPatienceMs)
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
