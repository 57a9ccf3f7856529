import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const family = fileURLToPath(new URL('../../models/tiny/trimtab.yaml', import.meta.url))
const mib = 2 ** 20

/** The embedded family under a ceiling, with time to drain on a busy machine. */
async function withCeiling(ceilingBytes: number, use: (server: ServerProcess) => Promise<void>): Promise<void> {
  const file = join(mkdtempSync(join(tmpdir(), 'trimtab-ceiling-')), 'trimtab.yaml')
  const text = readFileSync(family, 'utf8').replaceAll(/\.\/(?=[a-z])/g, `${dirname(family)}/`)
  const engine = { memory: '64MiB', memory_ceiling: Math.round(ceilingBytes) }
  writeFileSync(file, stringify({ ...parse(text), server: { drain_seconds: 300 }, engine }))
  const server = await startServer([], ['--config', file])
  try {
    await use(server)
  } finally {
    await server.kill()
  }
}

function complete(server: ServerProcess, fields: object = {}): Promise<Response> {
  return fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'tiny', prompt: 'The', max_tokens: 4, ignore_eos: true, ...fields }),
  })
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

async function readiness(server: ServerProcess): Promise<string> {
  const { status } = (await (await fetch(`${server.url}/readyz`)).json()) as { status: string }
  return status
}

async function untilReadiness(server: ServerProcess, wanted: string): Promise<void> {
  for (let i = 0; i < 3000 && (await readiness(server)) !== wanted; i++) await sleep(20)
  assert.equal(await readiness(server), wanted)
}

describe('a server with a memory ceiling', { skip: cannotServe }, () => {
  let fresh = 0

  it('that is far above what the engine needs never notices it', () =>
    withCeiling(4096 * mib, async (server) => {
      fresh = await metric(server, 'trimtab_engine_resident_memory_bytes')
      const replies = await Promise.all(Array.from({ length: 8 }, () => complete(server, { n: 8, max_tokens: 100 })))
      assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]))
      assert.equal(await metric(server, 'trimtab_engine_memory_ceiling_bytes'), 4096 * mib)
      assert.equal(await metric(server, 'trimtab_engine_restarts_total'), 0)
      assert.doesNotMatch(server.output(), /memory ceiling/)
    }))

  it('that its engine passes refuses requests, finishes those it has, and starts the engine again', () =>
    withCeiling(fresh + 16 * mib, async (server) => {
      const long = await complete(server, { n: 32, max_tokens: 400, stream: true })
      await untilReadiness(server, 'memory_ceiling')
      const refused = await complete(server)
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '5'])
      assert.match(await refused.text(), /memory ceiling/)
      assert.match(await long.text(), /data: \[DONE\]\n\n$/)
      await untilReadiness(server, 'ready')
      assert.equal(await metric(server, 'trimtab_engine_restarts_total'), 1)
      assert.equal((await complete(server)).status, 200)
      assert.match(server.output(), /is at its memory ceiling/)
      assert.match(server.output(), /does not come down from its memory ceiling/)
    }))
})
