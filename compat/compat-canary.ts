import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { here, type Served } from './clients.ts'

const report = z.looseObject({
  results: z.array(z.looseObject({ id: z.string(), status: z.string() })),
})

/** What the scanner compatcanary says of each of its probes: probe -> status. */
export async function scan({ url, local }: Served, profile: 'chat' | 'modern'): Promise<ReadonlyMap<string, string>> {
  const args = ['scan', '--base-url', url, '--model', local, '--profile', profile]
  const scanner = here('./sdk/node_modules/.bin/compatcanary')
  const child = spawn(
    process.execPath,
    [scanner, ...args, '--api-key', 'none', '--format', 'json', '--fail-on', 'never'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [printed] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const { results } = report.parse(JSON.parse(printed))
  return new Map(results.map(({ id, status }) => [id, status]))
}
