import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { built, serve } from '../../bench/served.ts'
import { chat, type Outcome, tally } from './chat-client.ts'

/** SIGTERM while streams run: all of them must be answered to their end, and new requests be refused in words. */
export async function drainStreams({ streams }: { streams: number }): Promise<boolean> {
  const server = await serve([], built)
  try {
    const fields = { stream: true, max_tokens: 150, ignore_eos: true }
    let ended = 0
    const running = Array.from({ length: streams }, async (_, seed) => {
      const outcome = await chat(server.url, { ...fields, seed }, 60_000)
      ended++
      return outcome
    })
    await untilAllRun(server.url, streams)
    const endedBefore = ended
    const exit = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    await sleep(100)
    const late: Outcome = await chat(server.url, fields, 10_000)
    const outcomes = await Promise.all(running)
    await exit
    process.stdout.write(
      `SIGTERM under ${streams} streams (${endedBefore} had ended): ${tally(outcomes)}; a new request then: ${late}\n`,
    )
    return endedBefore < streams && late === 'error status' && outcomes.every((outcome) => outcome === 'answer')
  } finally {
    await server.stop()
  }
}

async function untilAllRun(url: string, streams: number): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    const { engine } = (await (await fetch(`${url}/readyz`)).json()) as { engine: { running: number } }
    if (engine.running >= streams) return
    await sleep(20)
  }
  throw new Error('the streams never ran all at once')
}
