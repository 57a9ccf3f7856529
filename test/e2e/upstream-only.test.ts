import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fakeUpstream, sayJson } from '../upstream/fake-upstream.ts'
import { until } from '../upstream/settings.ts'
import { startServer } from './server-process.ts'

describe('a server whose models are all an upstream’s', () => {
  it('starts no engine, loads no runtime for one, passes through, and lets a call finish when it is told to stop', async () => {
    const engine = await fakeUpstream(sayJson(200, { from: 'gpu' }))
    const config = join(mkdtempSync(join(tmpdir(), 'trimtab-upstream-')), 'trimtab.yaml')
    writeFileSync(
      config,
      `models: { llama: { upstream: gpu } }\nupstreams: { gpu: { kind: vllm, urls: ['${engine.url}'] } }\n`,
    )
    const server = await startServer([], ['--config', config])
    try {
      const health = await (await fetch(`${server.url}/healthz`)).json()
      assert.deepEqual((health as { engine: object }).engine, { status: 'absent', restarts: 0 })
      assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
      const ask = () => fetch(`${server.url}/v1/completions`, { method: 'POST', body: '{"model":"llama"}' })
      assert.deepEqual(await (await ask()).json(), { from: 'gpu' })
      const rows = execFileSync('ps', ['-A', '-o', 'ppid=,args='], { encoding: 'utf8' }).split('\n')
      const children = rows.filter((row) => Number(row.trim().split(' ')[0]) === server.pid)
      assert.ok(!children.some((row) => row.includes('engine-')), children.join('\n'))
      const maps = `/proc/${server.pid}/maps`
      if (existsSync(maps)) assert.doesNotMatch(readFileSync(maps, 'utf8'), /onnxruntime/)
      let finish = () => {}
      engine.answer = (_request, response) => {
        finish = () => void response.end('{}')
      }
      const last = ask()
      await until(() => engine.received.length === 2)
      const stopped = server.stop()
      await until(() => server.output().includes('shutting down'))
      const refused = await ask()
      assert.equal(refused.status, 503)
      finish()
      assert.equal((await last).status, 200)
      assert.equal(await stopped, 0)
    } finally {
      await server.kill()
      await engine.close()
    }
  })
})
