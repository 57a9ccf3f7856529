import { loadavg } from 'node:os'
import { describeMachine } from '../bench/measures/machine.ts'
import { built, serve } from '../bench/served.ts'
import { ClientProbe } from './client-probe.ts'
import type { LoadRun } from './load-run.ts'
import type { LoadTest } from './load-tests.ts'
import { watchMemory } from './memory-watch.ts'
import { runK6 } from './run-k6.ts'
import { SlowReaders } from './slow-readers.ts'

const probePauseMs = 500
const memoryEveryMs = 2000

/** Starts a server on loopback, loads it with k6, and measures beside it what k6 cannot: streams as a client sees them, memory. */
export async function runLoad(
  test: LoadTest,
  k6: string,
  settings: Readonly<Record<string, string>>,
  serverFlags: readonly string[],
): Promise<LoadRun> {
  const machine = describeMachine()
  const date = new Date().toISOString()
  const server = await serve(serverFlags, built)
  const probe = new ClientProbe(server.url)
  const memory = watchMemory(server.pids, memoryEveryMs)
  const slow = new SlowReaders(server.url, test.slowReaders ?? 0)
  const probing = probe.run(probePauseMs)
  try {
    const { replies, thresholds } = await runK6(k6, test.name, server.url, settings)
    const { streams, failures } = probe
    const loadAtEnd = loadavg()[0]!
    const client = { streams, failures }
    return {
      test: test.name,
      date,
      machine,
      loadAtEnd,
      settings,
      replies,
      thresholds,
      client,
      memory: memory.stop(),
    }
  } finally {
    probe.stop()
    memory.stop()
    slow.stop()
    await probing
    await server.stop()
  }
}
