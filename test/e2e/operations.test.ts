import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { hashKey, newKey } from '../../src/server/keys/key-hash.ts'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const family = fileURLToPath(new URL('../../models/tiny/trimtab.yaml', import.meta.url))
const file = join(mkdtempSync(join(tmpdir(), 'trimtab-operations-')), 'trimtab.yaml')
const [first, second] = [newKey(), newKey()]

/** The embedded family with further sections, under absolute paths, and with time to drain on a busy machine. */
function writeConfig(sections: object): void {
  const text = readFileSync(family, 'utf8').replaceAll(/\.\/(?=[a-z])/g, `${dirname(family)}/`)
  writeFileSync(file, stringify({ ...parse(text), server: { drain_seconds: 300 }, ...sections }))
}

const valid = { keys: { team: { hash: hashKey(first), requests_per_minute: 1000 } }, logging: { prompts: true } }

function ask(server: ServerProcess, key: string | undefined, fields: object = {}): Promise<Response> {
  return fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model: 'tiny', prompt: 'The', max_tokens: 4, ignore_eos: true, ...fields }),
  })
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3000 && !condition(); i++) await sleep(20)
  assert.ok(condition(), what)
}

describe('a server in operation', { skip: cannotServe }, () => {
  let server: ServerProcess
  before(async () => {
    writeConfig(valid)
    server = await startServer(['--memory', '256MiB'], ['--config', file])
  })
  after(() => server.kill())

  it('asks for a key, and writes one line for each request, with the prompt where that is asked for', async () => {
    assert.equal((await ask(server, undefined)).status, 401)
    assert.equal((await ask(server, second)).status, 401)
    const response = await ask(server, first)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-ratelimit-limit-requests'), '1000')
    const id = response.headers.get('x-request-id')
    await response.text()
    await until(() => server.output().includes(`"requestId":"${id}"`), 'a line for the request')
    const lines = server
      .output()
      .split('\n')
      .filter((line) => line.includes(`"requestId":"${id}"`))
    assert.equal(lines.length, 1)
    const { key, route, status, model, completionTokens, prompt } = JSON.parse(lines[0]!)
    assert.deepEqual([key, route, status, model, prompt], ['team', '/v1/completions', 200, 'tiny', 'The'])
    assert.equal(completionTokens, 4)
    assert.ok(!server.output().includes(first), 'no key is logged')
  })

  it('tells in its metrics what it did', async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text()
    assert.match(
      text,
      /^trimtab_requests_total\{route="\/v1\/completions",model="tiny",policy="none",status="200"\} 1$/m,
    )
    assert.match(text, /^trimtab_errors_total\{kind="invalid-key"\} 2$/m)
    assert.match(text, /^trimtab_engine_steps_total [1-9]/m)
    assert.match(text, /^trimtab_engine_prefix_cache_queries_total [1-9]/m)
    assert.match(text, /^trimtab_engine_queue_wait_seconds_count 1$/m)
  })

  it('reloads at SIGHUP while streams run: what is bad changes nothing, what is good changes the keys', async () => {
    const stream = await ask(server, first, { max_tokens: 300, ignore_eos: true, stream: true, n: 4 })
    const reader = stream.body!.getReader()
    await reader.read()
    writeFileSync(file, 'models: [broken')
    process.kill(server.pid, 'SIGHUP')
    await until(() => /configuration not reloaded: the new one is not valid/.test(server.output()), 'told')
    assert.equal((await ask(server, first)).status, 200)
    writeConfig({ ...valid, engine: { threads: 1 } })
    process.kill(server.pid, 'SIGHUP')
    await until(() => /a restart is needed to change engine/.test(server.output()), 'told')
    writeConfig({ keys: { team: { hash: hashKey(second) } } })
    process.kill(server.pid, 'SIGHUP')
    await until(() => /"configuration reloaded"/.test(server.output()), 'reloaded')
    assert.equal((await ask(server, first)).status, 401)
    assert.equal((await ask(server, second)).status, 200)
    let text = ''
    const decoder = new TextDecoder()
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += decoder.decode(next.value)
    assert.match(text, /data: \[DONE\]\n\n$/, 'the stream went on to its end')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    for (const result of ['ok', 'invalid', 'restart_required'])
      assert.match(metrics, new RegExp(`^trimtab_config_reloads_total\\{result="${result}"\\} 1$`, 'm'))
  })

  it('is one of its port: another one ends with a line that says so', async () => {
    const main = fileURLToPath(new URL('../../src/server/main.ts', import.meta.url))
    const port = new URL(server.url).port
    const child = spawn(process.execPath, ['--import', 'tsx', main, 'serve', '--port', port, '--memory', '64MiB'])
    let told = ''
    child.stderr.on('data', (data) => {
      told += data
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 1)
    assert.match(told, /^Port \d+ is taken: stop what listens there, or give another with --port\.$/m)
    assert.equal((await ask(server, second)).status, 200)
  })

  it('keeps serving beside many idle connections and ones that dribble their head', async () => {
    const port = Number(new URL(server.url).port)
    const sockets = Array.from({ length: 2000 }, (_, i) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => socket.destroy())
      if (i % 4 === 0) socket.on('connect', () => socket.write('POST /v1/completions HTTP/1.1\r\nHost: a\r\nX-Slow: '))
      return socket
    })
    await until(() => sockets.every(({ connecting }) => !connecting), 'all are connected')
    assert.equal((await ask(server, second)).status, 200)
    for (const socket of sockets) socket.destroy()
  })

  it('SIGTERM under 50 streams cuts none of them', async () => {
    const streams = await Promise.all(
      Array.from({ length: 50 }, (_, seed) =>
        ask(server, second, { max_tokens: 60, ignore_eos: true, stream: true, seed }),
      ),
    )
    const texts = streams.map((stream) => stream.text())
    process.kill(server.pid, 'SIGTERM')
    await until(() => /shutting down/.test(server.output()), 'it heard')
    for (const text of await Promise.all(texts)) assert.match(text, /data: \[DONE\]\n\n$/)
    assert.equal(await server.ended(), 0)
  })
})
