import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ClientError } from './client-error.ts'

/** A server for the time of one command. */
export interface OwnServer {
  readonly url: string
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>
}

const extension = extname(import.meta.url)
const main = fileURLToPath(new URL(`../main${extension}`, import.meta.url))
// Resolved here because `--import tsx` would be looked up from the working folder.
const loader = extension === '.ts' ? ['--import', import.meta.resolve('tsx')] : []

/**
 * Starts `trimtab serve` on a free port of the loopback device and waits until its models are loaded.
 * @throws ClientError when it ends before; what it said of that has been passed on
 */
export async function startOwnServer(flags: readonly string[]): Promise<OwnServer> {
  const args = [...loader, main, 'serve', ...flags, '--host', '127.0.0.1', '--port', '0']
  // Away from the terminal's group: Ctrl-C is for the answer, not for the server.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const forget = endWithUs(child)
  const url = await Promise.race([readUrl(child), once(child, 'exit').then(() => undefined)])
  if (url === undefined) throw new ClientError('The server did not start.')
  return {
    url,
    async stop() {
      forget()
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** Its log names the address; the lines to try come once the models are loaded. Whatever else it says is passed on. */
async function readUrl({ stdout, stderr }: ChildProcess): Promise<string> {
  let url = ''
  if (stdout === null || stderr === null) throw new Error('The server has no output.')
  createInterface({ input: stderr }).on('line', (line) => {
    url = /listening on (http:[^"]+)/.exec(line)?.[1] ?? url
    if (!line.startsWith('{')) process.stderr.write(`${line}\n`)
  })
  await once(stdout, 'data')
  stdout.resume()
  return url
}

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** Whatever ends this process ends the server; its engine leaves with it. */
function endWithUs(child: ChildProcess): () => void {
  const kill = () => void child.kill('SIGKILL')
  const leave = (signal: keyof typeof signals) => process.exit(128 + signals[signal])
  const names = Object.keys(signals) as (keyof typeof signals)[]
  process.once('exit', kill)
  for (const name of names) process.on(name, leave)
  return () => {
    process.off('exit', kill)
    for (const name of names) process.off(name, leave)
  }
}
