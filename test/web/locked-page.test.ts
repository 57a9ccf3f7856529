import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

const store = new Map<string, string>()
Object.assign(globalThis, {
  sessionStorage: {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => store.set(key, value),
    removeItem: (key: string) => store.delete(key),
  },
})

const asked: (string | undefined)[] = []
let wantsKey = true
const refused = {
  error: { message: 'This server needs an API key.', type: 'invalid_request_error', code: 'invalid_api_key' },
}

mock.method(globalThis, 'fetch', async (path: string, init: { headers: Record<string, string> }) => {
  if (path === '/readyz') return Response.json({ status: 'ready' })
  asked.push(init.headers['authorization'])
  return wantsKey ? Response.json(refused, { status: 401 }) : Response.json({ models: [] })
})

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    mock.timers.tick(1000)
    await settle()
  }
}

test('a locked page asks again now and then, and opens when the server wants no key any more', async () => {
  const { connection, watchServer } = await import('../../web/state/connection.ts')
  mock.timers.enable({ apis: ['setTimeout'] })
  const offers: object[] = []
  void watchServer((offer) => offers.push(offer))
  await settle()
  assert.equal(connection.value, 'locked')
  await pass(120)
  assert.equal(connection.value, 'locked')
  assert.ok(asked.length >= 3 && asked.length <= 8, `${asked.length} times`)
  wantsKey = false
  await pass(60)
  assert.equal(connection.value, 'ready')
  assert.equal(offers.length, 1)
  const before = asked.length
  await pass(60)
  assert.equal(asked.length, before)
})
