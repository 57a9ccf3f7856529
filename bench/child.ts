import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

const living = new Set<ChildProcess>()

// A benchmark that ends early must not leave servers behind.
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Shows what it writes to standard error, where it is not only noise. */
  readonly loud?: boolean
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/** A process that ends with this one at the latest. */
export function startChild(program: string, parameters: readonly string[], options: ChildOptions = {}): Child {
  const child = spawn(program, parameters, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  living.add(child)
  child.once('exit', () => living.delete(child))
  // it may end before it has read everything; its exit code says what happened
  child.stdin.on('error', () => {})
  if (options.loud === true) child.stderr.pipe(process.stderr, { end: false })
  return child
}

/** Asks it to end, then makes it; returns when it has. */
export async function stopChild(child: ChildProcess, patienceMs = 15_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await ended
  clearTimeout(timer)
}

/** Runs a program to its end and returns what it printed. @throws Error with the end of its output when it fails */
export async function runProgram(
  program: string,
  parameters: readonly string[],
  options: ChildOptions = {},
): Promise<string> {
  const child = startChild(program, parameters, options)
  const printed = collect(child.stdout)
  const complaints = collect(child.stderr)
  child.stdin.end()
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code === 0) return printed()
  throw new Error(`${program} ended with code ${code}: ${(complaints() || printed()).slice(-2000)}`)
}

/** Everything a stream has said so far. */
export function collect(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (data: string) => {
    text += data
  })
  return () => text
}
