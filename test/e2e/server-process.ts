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
  /** SIGTERM, as an operator does; resolves with the exit code. */
  stop(): Promise<number | null>
}

/** Starts `trimtab serve` on a free port and waits until its models are loaded. */
export async function startServer(flags: readonly string[] = []): Promise<ServerProcess> {
  const main = join(root, 'src/server/main.ts')
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', main, 'serve', '--config', config, '--port', '0', '--memory', '256MiB', ...flags],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  process.once('exit', () => child.kill('SIGKILL'))
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
    async stop() {
      if (child.exitCode !== null) return child.exitCode
      child.kill('SIGTERM')
      await once(child, 'exit')
      return child.exitCode
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
