import { setTimeout as sleep } from 'node:timers/promises'
import { fromSource, residentMegabytes, type Served, serve } from '../served.ts'
import { type MemorySample, memoryTrend } from '../soak/memory-trend.ts'
import { post, requestOf, type ServedNames, servedNames } from '../soak/mixed-requests.ts'

interface SoakOptions {
  readonly requests: number
  readonly minutes?: number
  readonly parallel: number
  /** Requests started each second after the first tenth of the run; as many as the server takes without it. */
  readonly rate?: number
  readonly config?: string
}

interface Tally {
  sent: number
  done: number
  aborted: number
  readonly unexpected: string[]
}

type Samples = readonly [http: MemorySample[], engine: MemorySample[]]

const collectOnSignal = new URL('../soak/collect-on-signal.mjs', import.meta.url).href
/** A collection takes tens of milliseconds. */
const collectionMs = 1000
/** At the start of a run with a rate as many requests as can be are under way: K/V memory is touched when that many first need it. */
const fullShare = 0.1

/**
 * Mixed requests in parallel, a fifth aborted midway; prints memory as it goes (without garbage), whether it is flat, and whether every K/V block came
 * back. The run fails where a request did, or where memory grew.
 */
export async function benchSoak(options: SoakOptions): Promise<void> {
  const flags = options.config === undefined ? [] : ['--config', options.config]
  const server = await serve(flags, fromSource, { NODE_OPTIONS: `--import=${collectOnSignal}` })
  try {
    const tally: Tally = { sent: 0, done: 0, aborted: 0, unexpected: [] }
    const samples: Samples = [[], []]
    const names = await servedNames(server.url)
    await send(options, server, names, tally, samples)
    await sleep(500)
    const ready = await (await fetch(`${server.url}/readyz`)).json()
    summary(tally, samples, ready)
  } finally {
    await server.stop()
  }
}

async function send(options: SoakOptions, server: Served, names: ServedNames, tally: Tally, samples: Samples) {
  const started = performance.now()
  const minutes = () => (performance.now() - started) / 60_000
  const share = () =>
    options.minutes === undefined ? tally.sent / options.requests : Math.min(1, minutes() / options.minutes)
  let evenFrom: { readonly index: number; readonly at: number } | undefined
  const worker = async () => {
    while (share() < 1) {
      const index = tally.sent++
      if (options.rate !== undefined && share() > fullShare) {
        evenFrom ??= { index, at: performance.now() }
        const due = evenFrom.at + ((index - evenFrom.index) * 1000) / options.rate
        await sleep(Math.max(0, due - performance.now()))
      }
      await oneRequest(server.url, index, names, tally)
    }
  }
  const watch = async () => {
    for (let taken = 0; taken < sampleCount; ) {
      await sleep(100)
      if (share() * sampleCount < taken + 1) continue
      taken++
      await sample(tally, minutes(), server.pids, samples)
    }
  }
  await Promise.all([watch(), ...Array.from({ length: options.parallel }, worker)])
}

const sampleCount = 60

/** Resident memory of both processes once they have collected their garbage. */
async function sample(tally: Tally, minutes: number, pids: readonly [number, number], samples: Samples): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  await sleep(collectionMs)
  const [http, engine] = pids.map((pid) => ({ minutes, megabytes: residentMegabytes(pid) }))
  samples[0].push(http!)
  samples[1].push(engine!)
  process.stdout.write(
    `${minutes.toFixed(1).padStart(6)} min ${String(tally.sent).padStart(6)} requests   http ${http!.megabytes.toFixed(0)} MB   engine ${engine!.megabytes.toFixed(0)} MB\n`,
  )
}

function summary(tally: Tally, [http, engine]: Samples, ready: unknown): void {
  const { done, aborted, unexpected } = tally
  process.stdout.write(`\nfinished ${done}, aborted ${aborted}, unexpected ${unexpected.length}\n`)
  for (const problem of unexpected.slice(0, 10)) process.stdout.write(`  ${problem}\n`)
  const trends = [memoryTrend(http), memoryTrend(engine)]
  for (const [index, { before, after, flat }] of trends.entries())
    process.stdout.write(
      `${['http', 'engine'][index]}: ${before.toFixed(0)} MB in the second quarter, ${after.toFixed(0)} MB in the last: ${flat ? 'flat' : 'GROWS'}\n`,
    )
  process.stdout.write(`engine afterwards: ${JSON.stringify(ready)}\n`)
  if (unexpected.length > 0 || trends.some(({ flat }) => !flat)) process.exitCode = 1
}

async function oneRequest(url: string, index: number, what: ServedNames, tally: Tally) {
  const controller = new AbortController()
  const aborts = index % 5 === 4
  if (aborts) setTimeout(() => controller.abort(), 5 + (index % 60))
  try {
    const response = await post(url, requestOf(index, what), controller.signal)
    const text = await response.text()
    if (!response.ok || text.includes('"error"'))
      tally.unexpected.push(`${index}: ${response.status} ${text.slice(0, 200)}`)
    else tally.done++
  } catch (error) {
    if (aborts && controller.signal.aborted) tally.aborted++
    else tally.unexpected.push(`${index}: ${error}`)
  }
}
