import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const family = fileURLToPath(new URL('../../models/tiny/trimtab.yaml', import.meta.url))
const tokens = 400
const choices = 32

function writeConfig(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'trimtab-stalled-')), 'trimtab.yaml')
  const text = readFileSync(family, 'utf8').replaceAll(/\.\/(?=[a-z])/g, `${dirname(family)}/`)
  writeFileSync(file, stringify({ ...parse(text), server: { stream_buffer: '256KiB', stall_seconds: 2 } }))
  return file
}

/** Asks for a stream that is larger than all buffers of both kernels, reads its beginning, and no more. */
function stalledReader(server: ServerProcess): Promise<Socket> {
  const body = JSON.stringify({
    model: 'tiny',
    messages: [{ role: 'user', content: 'Write a review of the Abbey Hotel.' }],
    stream: true,
    max_tokens: tokens,
    ignore_eos: true,
    n: choices,
    logprobs: true,
    top_logprobs: 20,
  })
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: a', 'Content-Type: application/json']
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'))
  socket.on('error', () => socket.destroy())
  return new Promise((resolve) => {
    socket.once('data', () => {
      socket.pause()
      resolve(socket)
    })
  })
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

async function untilMetric(server: ServerProcess, name: string, wanted: number): Promise<void> {
  for (let i = 0; i < 3000 && (await metric(server, name)) !== wanted; i++) await sleep(20)
  assert.equal(await metric(server, name), wanted, name)
}

function shortAnswer(server: ServerProcess): Promise<Response> {
  const body = JSON.stringify({ model: 'tiny', prompt: 'The', max_tokens: 4, ignore_eos: true })
  return fetch(`${server.url}/v1/completions`, { method: 'POST', body })
}

describe('readers that stop reading', { skip: cannotServe }, () => {
  let server: ServerProcess
  before(async () => {
    server = await startServer(['--memory', '256MiB'], ['--config', writeConfig()])
  })
  after(() => server.kill())

  it('have their work stopped when too much waits, and are cut off; nobody else notices', async () => {
    const memory = await metric(server, 'process_resident_memory_bytes')
    const readers = await Promise.all([stalledReader(server), stalledReader(server)])
    assert.equal((await shortAnswer(server)).status, 200)
    await untilMetric(server, 'trimtab_engine_kv_blocks\\{state="live"\\}', 0)
    assert.equal(await metric(server, 'trimtab_engine_kv_blocks\\{state="reserved"\\}'), 0)
    const decoded = await metric(server, 'trimtab_engine_decoded_rows_total')
    assert.ok(decoded < readers.length * choices * tokens, `${decoded} rows, as if somebody had read them`)
    await untilMetric(server, 'trimtab_inflight_requests', 0)
    assert.equal(await metric(server, 'trimtab_client_disconnects_total'), readers.length)
    assert.equal(await metric(server, 'trimtab_inflight_cost'), 0)
    // All of it, unread, would be some 70 MB: 25,600 tokens with 20 alternatives each.
    const grown = (await metric(server, 'process_resident_memory_bytes')) - memory
    assert.ok(grown < 60_000_000, `${grown} bytes more`)
    for (const reader of readers) await cutOff(reader)
    assert.equal((await shortAnswer(server)).status, 200)
  })
})

/** What its kernel holds can still be read, and then it is over. */
async function cutOff(reader: Socket): Promise<void> {
  let text = ''
  reader.on('data', (data) => {
    text += data
  })
  reader.resume()
  if (!reader.destroyed) await new Promise((resolve) => reader.once('close', resolve))
  assert.doesNotMatch(text, /\[DONE\]/)
}
