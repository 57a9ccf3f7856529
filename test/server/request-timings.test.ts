import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const asked = { headers: { 'content-type': 'application/json', 'x-trimtab-timings': 'true' } }

describe('x-trimtab-timings', () => {
  it('ends a stream with a comment that times every piece of text', async () => {
    const text = await (await toyGateway().chat({ stream: true }, asked)).text()
    const [, json = ''] = /data: \[DONE\]\n\n: timings (.*)\n\n$/.exec(text) ?? []
    const { text_ms, total_ms } = JSON.parse(json)
    assert.equal(text_ms.length, 3)
    assert.deepEqual(
      text_ms,
      text_ms.toSorted((a: number, b: number) => a - b),
    )
    assert.ok(total_ms >= text_ms.at(-1))
  })

  it('tells whole replies in Server-Timing', async () => {
    const reply = await toyGateway().chat({}, asked)
    assert.match(reply.headers.get('server-timing') ?? '', /^first;dur=[\d.]+, total;dur=[\d.]+$/)
    assert.equal((await jsonOf(reply)).object, 'chat.completion')
  })

  it('is silent unless asked', async () => {
    const { chat } = toyGateway()
    assert.match(await (await chat({ stream: true })).text(), /data: \[DONE\]\n\n$/)
    assert.equal((await chat()).headers.get('server-timing'), null)
  })
})
