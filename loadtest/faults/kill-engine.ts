import { setTimeout as sleep } from 'node:timers/promises'
import { built, engineProcess, serve } from '../../bench/served.ts'
import { chat, type Outcome, tally } from './chat-client.ts'

const patienceMs = 60_000
const mostReadyMs = 10_000
/** A refused client tries again after this long. */
const retryMs = 500

/** Kills the engine again and again under load: every request must end in an orderly way, and the server be ready soon. */
export async function killEngine({ kills, parallel }: { kills: number; parallel: number }): Promise<boolean> {
  const server = await serve([], built)
  const outcomes: Outcome[] = []
  const readyMs: number[] = []
  let loading = true
  const client = async (index: number) => {
    for (let turn = 0; loading; turn++) {
      const outcome = await chat(server.url, fieldsOf(index + turn), patienceMs)
      outcomes.push(outcome)
      if (outcome === 'error status') await sleep(retryMs)
    }
  }
  try {
    const clients = Array.from({ length: parallel }, (_, index) => client(index))
    for (let kill = 0; kill < kills; kill++) {
      await sleep(300 + ((kill * 137) % 700))
      process.kill(await engineProcess(server.pids[0]), 'SIGKILL')
      readyMs.push(await untilReady(server.url))
      process.stderr.write(`kill ${kill + 1}: ready after ${readyMs.at(-1)!.toFixed(0)} ms; ${tally(outcomes)}\n`)
    }
    loading = false
    await Promise.all(clients)
  } finally {
    loading = false
    await server.stop()
  }
  const worst = Math.max(...readyMs)
  process.stdout.write(
    `${kills} kills, ${outcomes.length} requests: ${tally(outcomes)}; ready after ${worst.toFixed(0)} ms at most\n`,
  )
  return worst <= mostReadyMs && outcomes.every((outcome) => !['cut', 'hung', 'refused connection'].includes(outcome))
}

/** Streams, whole replies, and methods of every kind. */
function fieldsOf(index: number): object {
  const alignment = [
    undefined,
    { guides: [{ guide: 'positive', weight: 1 }] },
    { best_of: { n: 3, reward: 'sentiment' } },
    { particles: { n: 3, reward: 'steps', lambda: 4 } },
  ][index % 4]
  return { stream: index % 3 !== 0, max_tokens: 100, ignore_eos: true, ...(alignment && { alignment }) }
}

async function untilReady(url: string): Promise<number> {
  const start = performance.now()
  // The death is known a moment after the signal: until then /readyz may still say ready.
  await sleep(50)
  while (performance.now() - start < patienceMs) {
    const { status } = await fetch(`${url}/readyz`)
    if (status === 200) return performance.now() - start
    await sleep(50)
  }
  return performance.now() - start
}
