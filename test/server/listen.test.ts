import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { listen } from '../../src/server/listen.ts'

test('a port that is taken is told with the remedy', async () => {
  const [first, second] = [createServer(), createServer()]
  await listen(first, { host: '127.0.0.1', port: 0 })
  const { port } = first.address() as AddressInfo
  const message = `Port ${port} is taken: stop what listens there, or give another with --port.`
  await assert.rejects(listen(second, { host: '127.0.0.1', port }), { name: 'ConfigError', message })
  first.close()
})

test('an address of another machine is told with the remedy', async () => {
  // TEST-NET-1 of RFC 5737, which no machine has
  const message = '192.0.2.1 is no address of this machine: give one that is with --host.'
  await assert.rejects(listen(createServer(), { host: '192.0.2.1', port: 0 }), { name: 'ConfigError', message })
})
