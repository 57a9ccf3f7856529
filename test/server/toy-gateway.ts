import { createApp } from '../../src/server/app.ts'
import type { Gateway } from '../../src/server/gateway.ts'
import { KeyRing } from '../../src/server/keys/key-ring.ts'
import { Load } from '../../src/server/load.ts'
import { Metrics } from '../../src/server/metrics/metrics.ts'
import type { RequestEnd, RequestRecord } from '../../src/server/request-record.ts'
import { noUpstreams } from '../../src/server/upstreams.ts'
import { ToyEngine } from './toy-engine.ts'

/** The app over a toy engine, with a model `tiny`, a policy `friendly` and an alias of the two. */
export function toyGateway(change: Partial<Gateway> = {}) {
  const engine = new ToyEngine()
  const faults: unknown[] = []
  const metrics = new Metrics('0.0.0')
  const ended: (readonly [RequestRecord, RequestEnd])[] = []
  const gateway: Gateway = {
    engine,
    models: {
      names: new Map([
        ['tiny', { model: 'tiny', policy: undefined }],
        ['tiny-friendly', { model: 'tiny', policy: 'friendly' }],
      ]),
      policies: new Map([['friendly', { guides: [{ guide: 'positive', weight: 0.8 }] }]]),
      since: 1_700_000_000,
    },
    upstreams: noUpstreams,
    rewards: ['length'],
    catalogue: {
      guides: [{ id: 'positive', kind: 'genarm' }],
      objectives: [],
      rewards: [{ id: 'length', kind: 'length' }],
    },
    playground: undefined,
    limits: {
      bodyBytes: 10_000,
      maxChoices: 8,
      defaultMaxTokens: 64,
      keepAliveMs: 10_000,
      heldLogprobs: 500_000,
      inFlightCost: Number.POSITIVE_INFINITY,
    },
    isDraining: () => false,
    eventLoopDelay: () => ({ p50: 0, p99: 1, max: 2 }),
    onFault: (error) => faults.push(error),
    load: new Load(),
    keys: new KeyRing({}),
    metricsAccess: 'open',
    corsOrigins: [],
    metrics,
    onRequestEnd: (record, end) => {
      metrics.end(record, end)
      ended.push([record, end])
    },
    ...change,
  }
  const app = createApp(gateway)
  const post = (path: string, body: unknown, init: RequestInit = {}) =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      ...init,
    })
  const chat = (fields: object = {}, init: RequestInit = {}) =>
    post('/v1/chat/completions', { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], ...fields }, init)
  return { app, gateway, engine, faults, metrics, ended, post, chat }
}

// biome-ignore lint/suspicious/noExplicitAny: a reply is whatever came over the wire; tests state its shape
export type Json = any

/** A reply's body. */
export async function jsonOf(response: Response): Promise<Json> {
  return await response.json()
}

/** The JSON of every frame of an event stream, `[DONE]` as it stands. */
export async function framesOf(response: Response): Promise<Json[]> {
  const text = await response.text()
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice(6))
    .map((data) => (data === '[DONE]' ? data : JSON.parse(data)))
}
