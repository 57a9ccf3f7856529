import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { chatRequest } from '../../src/server/chat-request.ts'

interface Requests {
  readonly methods: Readonly<Record<string, unknown>>
  readonly mix: readonly (readonly [method: string, share: number])[]
  chatBody(method: string): { readonly alignment?: Readonly<Record<string, unknown>> }
  drawMethod(): string
}

const script = new URL('../../loadtest/k6/lib/requests.js', import.meta.url)
const { methods, mix, chatBody, drawMethod }: Requests = await import(script.href)
const family = parse(readFileSync(new URL('../../models/tiny/trimtab.yaml', import.meta.url), 'utf8'))

describe('the requests of the load tests', () => {
  it('are requests that the server takes, for every method', () => {
    for (const method of Object.keys(methods)) assert.ok(chatRequest.safeParse(chatBody(method)).success, method)
  })

  it('name guides and rewards that the embedded family has', () => {
    for (const method of Object.keys(methods)) {
      const text = JSON.stringify(chatBody(method))
      for (const [, name = ''] of text.matchAll(/"guide":"([^"]+)"/g)) assert.ok(name in family.guides, name)
      for (const [, name = ''] of text.matchAll(/"reward":"([^"]+)"/g)) assert.ok(name in family.rewards, name)
    }
  })

  it('have weights of their own', () => {
    const bodies = Array.from({ length: 20 }, () => JSON.stringify(chatBody('composed').alignment))
    assert.ok(new Set(bodies).size > 10)
  })

  it('are mixed of methods that exist, in shares of the whole', () => {
    for (const [method] of mix) assert.ok(method in methods, method)
    assert.ok(Math.abs(mix.reduce((sum, [, share]) => sum + share, 0) - 1) < 1e-9)
    for (let draw = 0; draw < 100; draw++) assert.ok(drawMethod() in methods)
  })
})
