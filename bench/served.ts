import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'

/** A gateway of our own on a free loopback port. */
export interface Served {
  readonly url: string
  readonly process: ChildProcess
  /** Ids of the HTTP process and of the engine process. */
  readonly pids: readonly [number, number]
  stop(): Promise<void>
}

export async function serve(flags: readonly string[]): Promise<Served> {
  const child = startGateway(flags)
  const url = await listeningUrl(child)
  const pids = [child.pid!, await engineProcess(child.pid!)] as const
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  return { url, process: child, pids, stop }
}

/** Started, not yet listening. */
export function startGateway(flags: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', 'src/server/main.ts', 'serve', '--port', '0', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** The first loopback address that a process prints. */
export function listeningUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    child.stdout!.on('data', (data: Buffer) => {
      printed += data.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`the process ended with code ${code}: ${printed}`)))
  })
}

/** The child of `parent` that is not a helper of the loader: the one with the most memory. */
async function engineProcess(parent: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const children: number[] = []
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    if (stat !== undefined && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent)
      children.push(Number(pid))
  }
  const largest = children.sort((a, b) => residentMegabytes(b) - residentMegabytes(a))[0]
  if (largest === undefined) throw new Error('the gateway has no engine process')
  return largest
}

/** Resident memory of a process, Linux. */
export function residentMegabytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}
