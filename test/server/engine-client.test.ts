import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiProblem } from '../../src/server/api-problem.ts'
import { backOffMs } from '../../src/server/back-off.ts'
import { EngineClient } from '../../src/server/engine-client.ts'
import { entry, live, read, request, setup, until, withClient } from './fake-engine-client.ts'

describe('EngineClient', () => {
  it('carries a request and its events', () =>
    withClient(async (client) => {
      const events = await read(client.generate(request('hello'), live()))
      assert.deepEqual(
        events.map(({ type }) => type),
        ['choice-delta', 'choice-end', 'generation-end'],
      )
      assert.equal(client.inFlight, 0)
    }))

  it('tells failures of the engine as problems', () =>
    withClient(async (client) => {
      await assert.rejects(read(client.generate(request('refuse'), live())), (error) => {
        return error instanceof ApiProblem && error.kind === 'context-length'
      })
    }))

  it('stops the work when aborted, and when the reader leaves', () =>
    withClient(async (client) => {
      const abort = new AbortController()
      const reading = read(client.generate(request('endless'), abort.signal))
      setTimeout(() => abort.abort(new Error('enough')), 20)
      await assert.rejects(reading, /enough/)
      for await (const _ of client.generate(request('endless'), live())) break
      assert.equal(client.inFlight, 0)
      assert.equal((await client.stats()).running, 0)
    }))

  it('stops the work of an aborted request that nobody reads', () =>
    withClient(async (client) => {
      const abort = new AbortController()
      const reader = client.generate(request('endless'), abort.signal)
      await reader.next()
      abort.abort()
      assert.equal(client.inFlight, 0)
      assert.equal((await client.stats()).running, 0)
    }))

  it('ends the requests of a child that dies, refuses new ones meanwhile, and starts another', async () => {
    const deaths: string[] = []
    await withClient(
      async (client) => {
        const bystander = read(client.generate(request('endless'), live()))
        const crash = read(client.generate(request('crash'), live()))
        for (const lost of [bystander, crash]) {
          await assert.rejects(lost, (error) => error instanceof ApiProblem && error.kind === 'engine-error')
        }
        assert.equal(client.state.status, 'restarting')
        await assert.rejects(read(client.generate(request('hello'), live())), (error) => {
          return error instanceof ApiProblem && error.kind === 'engine-unavailable' && error.retryAfter !== undefined
        })
        await until(() => client.state.status === 'ready')
        assert.equal(client.state.restarts, 1)
        assert.equal((await read(client.generate(request('hello'), live()))).length, 3)
      },
      { onDeath: (reason) => deaths.push(reason) },
    )
    assert.deepEqual(deaths, ['signal SIGKILL'])
  })

  it('waits longer after each death, but never long for a child that had loaded its models', async () => {
    const delays: number[] = []
    await withClient(
      async (client) => {
        for (let death = 1; death <= 4; death++) {
          await assert.rejects(read(client.generate(request('crash'), live())))
          await until(() => client.state.status === 'ready')
        }
      },
      { mostBackOffMs: 60_000, mostBackOffOnceReadyMs: 30, onDeath: (_, delayMs) => delays.push(delayMs) },
    )
    assert.deepEqual(delays, [10, 20, 30, 30])
  })

  it('gives up a request whose reader is too far behind, and only that one', () =>
    withClient(
      async (client) => {
        const idle = client.generate(request('endless'), live())
        await idle.next()
        const reader = client.generate(request('endless'), live())
        let batches = 0
        for await (const _ of reader) if (++batches > 20 && client.inFlight === 1) break
        await assert.rejects(read(idle), (error) => error instanceof ApiProblem && error.kind === 'slow-client')
        assert.equal((await client.stats()).running, 0)
      },
      { mostWaitingBytes: 10_000 },
    ))

  it('ends a busy engine that stopped, fails its requests with a 503, and starts another', async () => {
    const silences: number[] = []
    await withClient(
      async (client) => {
        await assert.rejects(read(client.generate(request('freeze'), live())), (error) => {
          return error instanceof ApiProblem && error.kind === 'engine-unavailable' && error.retryAfter !== undefined
        })
        await until(() => client.state.status === 'ready')
        assert.equal(client.state.restarts, 1)
      },
      { silenceMs: 200, onSilence: (silenceMs) => silences.push(silenceMs) },
    )
    assert.deepEqual(silences, [200])
  })

  it('that is closed while its models load has started nothing, and says so without an error', async () => {
    const client = new EngineClient(setup('slow'), { entry })
    const started = client.start()
    await client.close()
    assert.equal(await started, false)
  })

  it('that is closed in the very moment in which its models are loaded stays closed', async () => {
    let closed: Promise<void> | undefined
    const client: EngineClient = new EngineClient(setup('good'), {
      entry,
      onProgress: () => {
        // until it has said that it is ready, too
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
        closed = client.close()
      },
    })
    assert.equal(await client.start(), false)
    await closed
    assert.equal(client.state.status, 'stopped')
  })

  it('does not retry a first load that fails', async () => {
    const client = new EngineClient(setup('broken'), { entry })
    await assert.rejects(client.start(), /no such file/)
    assert.equal(client.state.status, 'failed')
    await client.close()
  })

  it('takes its child with it', async () => {
    let pid = 0
    await withClient(async (client) => {
      pid = ((await client.stats()) as unknown as { pid: number }).pid
      process.kill(pid, 0)
    })
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  it('ends what is in flight when closed', async () => {
    await withClient(async (client) => {
      const reading = read(client.generate(request('endless'), live()))
      const ended = assert.rejects(reading, (error) => error instanceof ApiProblem && error.kind === 'draining')
      await sleep(10)
      await client.close()
      await ended
    })
  })
})

describe('backOffMs', () => {
  it('doubles up to a cap', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 20].map((attempt) => backOffMs(attempt, 500, 3000)),
      [500, 1000, 2000, 3000, 3000],
    )
  })
})
