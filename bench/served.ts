import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { startChild, stopChild } from './child.ts'

/** A gateway of our own on a free loopback port. */
export interface Served {
  readonly url: string
  readonly process: ChildProcess
  /** Ids of the HTTP process and of the engine process. */
  readonly pids: readonly [number, number]
  stop(): Promise<void>
}

export async function serve(
  flags: readonly string[],
  program: readonly string[] = fromSource,
  env: NodeJS.ProcessEnv = {},
): Promise<Served> {
  const child = startGateway(flags, program, env)
  const url = await listeningUrl(child)
  const pids = [child.pid!, await engineProcess(child.pid!)] as const
  return { url, process: child, pids, stop: () => stopChild(child, 60_000) }
}

/** What Node runs: the sources, or what `npm run build` made of them. */
export const fromSource = ['--import', 'tsx', 'src/server/main.ts']
export const built = ['dist/server/main.js']

/** Started, not yet listening. */
export function startGateway(
  flags: readonly string[],
  program: readonly string[] = fromSource,
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const parameters = [...program, 'serve', '--port', '0', ...flags]
  return startChild(process.execPath, parameters, { loud: true, env })
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
export async function engineProcess(parent: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const children: number[] = []
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    if (stat !== undefined && Number(statFields(stat)[1]) === parent) children.push(Number(pid))
  }
  const largest = children.sort((a, b) => residentMegabytes(b) - residentMegabytes(a))[0]
  if (largest === undefined) throw new Error('the gateway has no engine process')
  return largest
}

/** Fields of /proc/PID/stat from the state on; the name before them may hold spaces. */
const statFields = (stat: string): string[] => stat.slice(stat.lastIndexOf(')') + 2).split(' ')

/** Resident memory of a process, Linux. */
export function residentMegabytes(pid: number): number {
  return statusMegabytes(pid, 'VmRSS')
}

/** The most memory that a process ever had, Linux. */
export function peakMegabytes(pid: number): number {
  return statusMegabytes(pid, 'VmHWM')
}

function statusMegabytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}

/** The kernel counts a process's time in hundredths of a second (sysconf(_SC_CLK_TCK) on every Linux port of Node). */
const ticksPerSecond = 100

/** Processor seconds that a process has used so far, in user and kernel mode, over all its threads. */
export function processorSeconds(pid: number): number {
  const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
