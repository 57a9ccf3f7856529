import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { after, describe, it } from 'node:test'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { ApiProblem } from '../../src/server/api-problem.ts'
import { openTracing, tracingWith } from '../../src/server/tracing/open-tracing.ts'
import { type FakeUpstream, fakeUpstream } from '../upstream/fake-upstream.ts'
import { exchange, passingGateway, upstreamOf } from './passing-gateway.ts'
import { type Json, toyGateway } from './toy-gateway.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parent = `00-${traceId}-b7ad6b7169203331-01`

function memory() {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  return { tracing: tracingWith(provider.getTracer('test'), () => provider.shutdown()), exporter }
}

describe('a traced request', () => {
  it("is two spans of the client's trace, with the names of the GenAI conventions and no text", async () => {
    const { tracing, exporter } = memory()
    const { chat, engine } = toyGateway({ tracing })
    const headers = { 'content-type': 'application/json', traceparent: parent }
    await (await chat({ alignment: { policy: 'friendly' } }, { headers })).text()
    const [work, request] = exporter.getFinishedSpans()
    assert.equal(request?.name, 'chat tiny')
    assert.equal(request?.kind, SpanKind.SERVER)
    assert.equal(request?.spanContext().traceId, traceId)
    assert.equal(request?.parentSpanContext?.spanId, 'b7ad6b7169203331')
    assert.equal(work?.parentSpanContext?.spanId, request?.spanContext().spanId)
    const told = request?.attributes ?? {}
    assert.equal(told['gen_ai.operation.name'], 'chat')
    assert.equal(told['gen_ai.request.model'], 'tiny')
    assert.equal(told['gen_ai.usage.input_tokens'], 5)
    assert.equal(told['gen_ai.usage.output_tokens'], 3)
    assert.equal(typeof told['gen_ai.response.time_to_first_chunk'], 'number')
    assert.equal(told['trimtab.policy'], 'friendly')
    assert.equal(told['http.response.status_code'], 200)
    assert.doesNotMatch(JSON.stringify(told), /Hello|Hi"/)
    assert.equal(engine.requests[0]?.traceparent, `00-${traceId}-${work?.spanContext().spanId}-01`)
  })

  it('that the client got wrong is no error of ours; one that the engine failed is', async () => {
    const { tracing, exporter } = memory()
    const toy = toyGateway({ tracing })
    await toy.chat({ temperature: 9 })
    toy.engine.failure = new ApiProblem('engine-error', 'it died')
    await toy.chat()
    const statuses = exporter
      .getFinishedSpans()
      .map(({ status, attributes }) => [status.code, attributes['error.type']])
    assert.deepEqual(statuses[0], [SpanStatusCode.UNSET, 'invalid-request'])
    assert.deepEqual(statuses.at(-1), [SpanStatusCode.ERROR, 'engine-error'])
  })

  it("that passes through hands its own span to the upstream in place of the client's", async (context) => {
    const gpu: FakeUpstream = await fakeUpstream()
    context.after(() => gpu.close())
    const { tracing, exporter } = memory()
    const config = { models: { chat: { upstream: 'gpu' } }, upstreams: { gpu: upstreamOf(gpu.url) } }
    const gateway = await passingGateway(config, { tracing })
    context.after(() => gateway.close())
    const headers = { 'content-type': 'application/json', traceparent: parent }
    await exchange(gateway.url, { headers, body: JSON.stringify({ model: 'chat', messages: [] }) })
    while (exporter.getFinishedSpans().length < 2) await new Promise(setImmediate)
    const [work] = exporter.getFinishedSpans()
    assert.equal(work?.kind, SpanKind.CLIENT)
    assert.equal(gpu.received[0]?.headers['traceparent'], `00-${traceId}-${work?.spanContext().spanId}-01`)
    const untraced = await passingGateway(config)
    context.after(() => untraced.close())
    await exchange(untraced.url, { headers, body: JSON.stringify({ model: 'chat', messages: [] }) })
    assert.equal(gpu.received[1]?.headers['traceparent'], parent, 'without tracing the header goes through as it came')
  })
})

describe('the exporter', () => {
  it('sends spans to a collector, under the configured name and with the configured headers', async () => {
    const bodies: Json[] = []
    const collector = createServer(async (incoming, response) => {
      bodies.push([incoming.url, incoming.headers['x-key'], await json(incoming)])
      response.end('{}')
    }).listen(0, '127.0.0.1')
    await once(collector, 'listening')
    after(() => collector.close())
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`
    const config = { endpoint, headers: { 'x-key': 'k' }, sample_ratio: 1, service_name: 'front' }
    const tracing = openTracing(config, '1.2.3', (message) => assert.fail(message))
    await (await toyGateway({ tracing }).chat()).text()
    await tracing.close()
    const [url, key, body] = bodies[0]
    assert.deepEqual([url, key], ['/v1/traces', 'k'])
    const [{ resource, scopeSpans }] = body.resourceSpans
    assert.ok(resource.attributes.some(({ value }: Json) => value.stringValue === 'front'))
    assert.equal(scopeSpans[0].spans.length, 2)
  })
})
