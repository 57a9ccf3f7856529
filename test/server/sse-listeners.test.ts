import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { eventStream } from '../../src/server/sse.ts'

async function* frames(fails: boolean) {
  yield 'data: 1\n\n'
  if (fails) throw new Error('broken')
}

function stream(fails: boolean) {
  // a signal made of others, as requests have it: Node keeps it for as long as somebody listens
  const signal = AbortSignal.any([new AbortController().signal, new AbortController().signal])
  let ends = 0
  const body = eventStream(frames(fails), {
    keepAliveMs: 60_000,
    signal,
    onCancel: () => {},
    onEnd: () => ends++,
    onFailure: () => {},
    onFault: () => {},
    failure: () => 'data: failed\n\n',
  })
  return { body, listeners: () => getEventListeners(signal, 'abort').length, ends: () => ends }
}

for (const fails of [false, true])
  test(`a stream that ${fails ? 'failed' : 'ended'} leaves no listener on its signal`, async () => {
    const { body, listeners, ends } = stream(fails)
    assert.equal(listeners(), 1)
    const text = await new Response(body).text()
    assert.equal(text, fails ? 'data: 1\n\ndata: failed\n\n' : 'data: 1\n\n')
    assert.deepEqual([listeners(), ends()], [0, 1])
  })

test('nor does one that its reader left', async () => {
  const { body, listeners, ends } = stream(false)
  const reader = body.getReader()
  await reader.read()
  await reader.cancel()
  assert.deepEqual([listeners(), ends()], [0, 1])
})
