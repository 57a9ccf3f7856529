import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { drain } from '../../src/server/drain.ts'
import { Load } from '../../src/server/load.ts'

async function listening() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test('a reply that its client has not taken yet is waited for, though nobody works on it any more', async () => {
  const server = await listening()
  const load = new Load()
  const taken = load.take(1)
  let closed = false
  const worker = {
    inFlight: 0,
    close: async () => {
      closed = true
    },
  }
  const drained = drain(server, [worker], load, 60_000)
  await sleep(60)
  assert.deepEqual([closed, server.listening], [false, true])
  taken()
  await drained
  assert.deepEqual([closed, server.listening], [true, false])
})

test('what does not finish in time is ended', async () => {
  const server = await listening()
  const load = new Load()
  load.take(1)
  let closed = false
  const worker = {
    inFlight: 1,
    close: async () => {
      closed = true
    },
  }
  await drain(server, [worker], load, 30)
  assert.deepEqual([closed, server.listening], [true, false])
})
