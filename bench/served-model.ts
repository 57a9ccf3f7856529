import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchOptions } from './bench-options.ts'
import { type Served, serve } from './served.ts'

/** A gateway serving the model as `m`, with a reward `cheap` that costs nothing next to a token. */
export async function serveModel({ model, threads, work }: BenchOptions): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-served-'))
  const config = {
    engine: { threads, cache: join(work, 'graphs'), memory: '2GiB' },
    models: { m: { path: model, context: 2048 } },
    rewards: { cheap: { kind: 'regex', pattern: 'the', score: 'count' } },
  }
  // JSON is YAML
  writeFileSync(join(folder, 'trimtab.yaml'), JSON.stringify(config))
  const removeFolder = () => rmSync(folder, { recursive: true })
  try {
    const served = await serve(['--config', join(folder, 'trimtab.yaml')])
    return {
      ...served,
      async stop() {
        await served.stop()
        removeFolder()
      },
    }
  } catch (error) {
    removeFolder()
    throw error
  }
}
