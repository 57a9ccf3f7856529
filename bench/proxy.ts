import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { quantile } from './measures/spread.ts'
import { listeningUrl, startGateway } from './served.ts'

interface ProxyOptions {
  readonly rate: number
  readonly seconds: number
  readonly rounds: number
  readonly enginePort: number
  readonly rival: readonly string[]
}

/** Somebody on the way to the engine; rivals are started by hand and told of as JSON. */
interface Target {
  readonly name: string
  readonly url: string
  /** For its processor time. */
  readonly pid?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Until code is compiled that is compiled at all. */
const warmUpSeconds = 8

interface Round {
  readonly latencies: readonly number[]
  readonly cpuMs: number
  readonly failed: number
}

/** Requests at a constant rate to an engine that answers at once, direct and through proxies in turn; prints what each adds. */
export async function benchProxy(options: ProxyOptions): Promise<void> {
  const children: ChildProcess[] = []
  try {
    const engine = node(['--import', 'tsx', 'bench/answering-engine.ts', String(options.enginePort)])
    children.push(engine)
    const engineUrl = await listeningUrl(engine)
    const gateway = startGateway(['--config', configFor(engineUrl)])
    children.push(gateway)
    const targets: readonly Target[] = [
      { name: 'direct', url: engineUrl, pid: engine.pid! },
      { name: 'trimtab', url: await listeningUrl(gateway), pid: gateway.pid! },
      ...options.rival.map((json) => JSON.parse(json) as Target),
    ]
    for (const target of targets) await load(target, { ...options, seconds: warmUpSeconds })
    const rounds = new Map<string, Round[]>(targets.map(({ name }) => [name, []]))
    for (let round = 0; round < options.rounds; round++) {
      for (const target of targets) rounds.get(target.name)!.push(await load(target, options))
    }
    report(rounds, options)
  } finally {
    for (const child of children) child.kill('SIGTERM')
  }
}

function node(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

function configFor(engineUrl: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'trimtab-bench-')), 'trimtab.yaml')
  const upstreams = `upstreams: { gpu: { kind: vllm, urls: ['${engineUrl}'], api_key: secret } }`
  writeFileSync(file, `models: { llama: { upstream: gpu } }\n${upstreams}\n`)
  return file
}

/** Requests start when they are due, however late the ones before are, so that a stall counts for all that it delays. */
async function load({ url, pid, headers }: Target, { rate, seconds }: ProxyOptions): Promise<Round> {
  const pool = new Pool(url, { connections: 64 })
  const body = JSON.stringify({ model: 'llama', messages: [{ role: 'user', content: 'word '.repeat(100) }] })
  const latencies: number[] = []
  let failed = 0
  const cpuBefore = processorMs(pid)
  const start = performance.now()
  const calls = Array.from({ length: rate * seconds }, async (_, i) => {
    const due = start + (i * 1000) / rate
    await sleep(Math.max(0, due - performance.now()))
    // Timers may be a little early too.
    const from = Math.min(due, performance.now())
    const reply = await pool.request({
      path: '/v1/chat/completions',
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer any', ...headers },
      body,
    })
    await reply.body.dump()
    if (reply.statusCode === 200) latencies.push(performance.now() - from)
    else failed += 1
  })
  await Promise.all(calls)
  const cpuMs = processorMs(pid) - cpuBefore
  await pool.close()
  return { latencies: latencies.sort((a, b) => a - b), cpuMs, failed }
}

/** Processor time a process has used, Linux: user and system, in ticks of 10 ms. */
function processorMs(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function report(rounds: ReadonlyMap<string, readonly Round[]>, { rate, seconds }: ProxyOptions): void {
  const direct = rounds.get('direct')!
  process.stdout.write(`${rate} requests/s for ${seconds} s a round; ms over direct in the same round, per round\n`)
  for (const [name, list] of rounds) {
    const p = (q: number) => list.map(({ latencies }, i) => quantile(latencies, q) - quantile(direct[i]!.latencies, q))
    const own = (q: number) => list.map(({ latencies }) => quantile(latencies, q))
    const cpu = list.map(({ cpuMs, latencies }) => cpuMs / latencies.length)
    const failed = list.reduce((sum, round) => sum + round.failed, 0)
    const columns = [`p50 ${told(own(0.5))}`, `p99 ${told(own(0.99))}`, `added p50 ${told(p(0.5))}`]
    const rest = [`added p99 ${told(p(0.99))}`, `processor per request ${told(cpu)}`, `failed ${failed}`]
    process.stdout.write(`${name.padEnd(10)} ${[...columns, ...rest].join('   ')}\n`)
  }
}

const told = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(' ')
