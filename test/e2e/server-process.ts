import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** TRIMTAB_E2E_CONFIG serves another family under the same names. */
const config = process.env['TRIMTAB_E2E_CONFIG'] ?? join(root, 'models/tiny/trimtab.yaml')

const parts = ['base/model.safetensors', 'positive/adapter_config.json', 'reasoner/model.safetensors']
const missing = parts.filter((part) => !existsSync(join(dirname(config), part)))

/** Why the server cannot be started at all; false when it can. */
export const cannotServe =
  missing.length === 0 ? false : `the embedded family is not complete: no ${missing.join(', ')}`

export interface ServerProcess {
  readonly url: string
  readonly pid: number
  /** Everything it printed. */
  output(): string
  /** Resolves with its exit code when it has ended. */
  ended(): Promise<number | null>
  /** SIGTERM, as an operator does; resolves with the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL; resolves when nothing that it started can print any more. */
  kill(): Promise<void>
}

const familyFlags = ['--config', config, '--memory', '256MiB']

function spawnServer(flags: readonly string[]): ChildProcess {
  const main = join(root, 'src/server/main.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'serve', '--port', '0', ...flags], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

/** Starts `trimtab serve` and, at the first line that has `cue`, sends it SIGTERM; how it ended, and what it had said. */
export async function startAndStop(
  cue: string,
  flags: readonly string[] = familyFlags,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawnServer(flags)
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (line.includes(cue)) child.kill('SIGTERM')
    })
  }
  await once(child, 'close')
  return { code: child.exitCode, output: lines.join('\n') }
}

/** Starts `trimtab serve` on a free port and waits until its models are loaded. */
export async function startServer(
  flags: readonly string[] = [],
  configuration: readonly string[] = familyFlags,
): Promise<ServerProcess> {
  const child = spawnServer([...configuration, ...flags])
  const lines: string[] = []
  const ready = collectUntilReady(child, lines)
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the server ended before it was ready:\n${lines.join('\n')}`)
  })
  await Promise.race([ready, ended])
  ended.catch(() => {})
  const url = /listening on (http:[^"]+)/.exec(lines.join('\n'))?.[1] ?? ''
  return {
    url,
    pid: child.pid ?? 0,
    output: () => lines.join('\n'),
    async ended() {
      if (child.exitCode === null) await once(child, 'exit')
      return child.exitCode
    },
    async stop() {
      if (child.exitCode !== null) return child.exitCode
      child.kill('SIGTERM')
      await once(child, 'exit')
      return child.exitCode
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

async function collectUntilReady(child: ChildProcess, lines: string[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        if (line.startsWith('Try it')) resolve()
      })
    }
  })
}
