import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect, startChild } from '../../bench/child.ts'

const base = fileURLToPath(new URL('../../models/tiny/base', import.meta.url))

/** What a start with a cache that cannot be written came to. */
export interface FailedStart {
  readonly code: number | null
  readonly said: string
  /** Entries of the cache afterwards: nothing half-written may stay. */
  readonly left: readonly string[]
}

/** Serves with a limit on the size of files, which fails writes midway as a full disk does (EFBIG for ENOSPC). */
export async function startOnFullDisk(mostKilobytes: number): Promise<FailedStart> {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-full-disk-'))
  try {
    const [config, cache] = [join(folder, 'trimtab.yaml'), join(folder, 'cache')]
    writeFileSync(config, JSON.stringify({ models: { tiny: { path: base } }, engine: { cache, threads: 1 } }))
    const serve = `exec ${process.execPath} --import tsx src/server/main.ts serve --port 0 --config ${config}`
    const child = startChild('bash', ['-c', `ulimit -f ${mostKilobytes}; ${serve}`])
    const said = collect(child.stderr)
    child.stdout.resume()
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, said: said(), left: entriesOf(cache) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const entriesOf = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : []
