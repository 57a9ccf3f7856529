import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiProblem } from '../../src/server/api-problem.ts'
import type { EngineClient } from '../../src/server/engine-client.ts'
import type { EngineClientOptions, MemoryStanding } from '../../src/server/engine-client-options.ts'
import { live, read, request, until, withClient } from './fake-engine-client.ts'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const longMs = 60_000

/** The fake engine holds 500 bytes, and 5000 with a large request; the leaky one keeps them. */
function underCeiling(
  { bytes = 1000, patienceMs = longMs, behaviour = 'good' },
  use: (client: EngineClient, standings: readonly MemoryStanding[]) => Promise<void>,
): Promise<void> {
  const standings: MemoryStanding[] = []
  const options: EngineClientOptions = {
    memoryCeiling: { bytes, patienceMs },
    memoryTickMs: 10,
    mostBackOffOnceReadyMs: 20,
    onMemory: (standing) => standings.push(standing),
  }
  return withClient((client) => use(client, standings), options, behaviour)
}

const isRefused = (error: unknown) =>
  error instanceof ApiProblem && error.kind === 'overloaded' && error.retryAfter !== undefined

describe('an engine above its memory ceiling', () => {
  it('takes no requests, works on those it has, and takes requests again when it has come down', () =>
    underCeiling({}, async (client, standings) => {
      const large = client.generate(request('large'), live())
      await large.next()
      await until(() => client.state.status === 'full')
      await assert.rejects(read(client.generate(request('hello'), live())), isRefused)
      assert.equal((await large.next()).done, false)
      assert.equal((await client.stats()).residentBytes, 5000)
      await large.return(undefined)
      await until(() => client.state.status === 'ready')
      assert.equal((await read(client.generate(request('hello'), live()))).length, 3)
      assert.equal(client.state.restarts, 0)
      assert.deepEqual(standings, ['full', 'room'])
    }))

  it('is started again when its last request is over and it has not come down', () =>
    underCeiling({ behaviour: 'leaky' }, async (client, standings) => {
      const large = client.generate(request('large'), live())
      await large.next()
      await until(() => client.state.status === 'full')
      await large.return(undefined)
      await until(() => client.state.status === 'ready')
      assert.equal(client.state.restarts, 1)
      assert.deepEqual(standings, ['full', 'stuck'])
    }))

  it('is started again when its requests take too long, and they are told', () =>
    underCeiling({ patienceMs: 50 }, async (client, standings) => {
      await assert.rejects(read(client.generate(request('large'), live())), (error) => {
        return (
          error instanceof ApiProblem && error.kind === 'engine-unavailable' && /memory ceiling/.test(error.message)
        )
      })
      await until(() => client.state.status === 'ready')
      assert.equal(client.state.restarts, 1)
      assert.deepEqual(standings, ['full', 'stuck'])
    }))

  it('with its models alone is started again ever more slowly', () => {
    const delays: number[] = []
    const options: EngineClientOptions = {
      memoryCeiling: { bytes: 100, patienceMs: longMs },
      memoryTickMs: 10,
      mostBackOffOnceReadyMs: 20,
      onDeath: (_, delayMs) => delays.push(delayMs),
    }
    return withClient(async () => {
      await until(() => delays.length === 4)
      assert.deepEqual(delays, [10, 20, 40, 80])
    }, options)
  })
})

describe('an engine below its memory ceiling', () => {
  it('is left alone', () =>
    underCeiling({ bytes: 500 }, async (client, standings) => {
      const endless = client.generate(request('endless'), live())
      for (let batch = 0; batch < 50; batch++) await endless.next()
      await endless.return(undefined)
      assert.deepEqual([client.state.status, client.state.restarts, standings], ['ready', 0, []])
    }))
})

describe('the routes over an engine at its memory ceiling', () => {
  it('tell it in /readyz and keep the metrics of memory', async () => {
    const { app, engine } = toyGateway()
    engine.state = { ...engine.state, status: 'full', memoryCeilingBytes: 900_000 }
    const ready = await app.request('/readyz')
    assert.deepEqual([ready.status, (await jsonOf(ready)).status], [503, 'memory_ceiling'])
    const metrics = await (await app.request('/metrics')).text()
    assert.match(metrics, /^trimtab_engine_up 0$/m)
    assert.match(metrics, /^trimtab_engine_resident_memory_bytes 1000000$/m)
    assert.match(metrics, /^trimtab_engine_memory_ceiling_bytes 900000$/m)
  })
})
