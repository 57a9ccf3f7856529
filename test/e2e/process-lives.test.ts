import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cannotServe, type ServerProcess, startAndStop, startServer } from './server-process.ts'

/** The ids of the processes that one has started. */
function childrenOf(pid: number): readonly number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  return rows.map((row) => row.trim().split(/\s+/).map(Number)).flatMap(([id, parent]) => (parent === pid ? [id!] : []))
}

/** An orphan that has ended may wait for the init process as a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}

/** A stream of a long answer that has begun. */
async function openStream(server: ServerProcess): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const response = await fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'tiny', prompt: 'The', max_tokens: 400, ignore_eos: true, stream: true, n: 8 }),
  })
  const reader = response.body!.getReader()
  await reader.read()
  return reader
}

async function readToEnd(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += decoder.decode(next.value)
  return text
}

describe('a server', { skip: cannotServe }, () => {
  it('that is told to stop while its models load ends well', async () => {
    const { code, output } = await startAndStop('listening on')
    assert.equal(code, 0, output)
    assert.doesNotMatch(output, /Try it|ended while loading/)
  })

  it('whose model folder is no checkpoint says so in one line, before it listens', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'trimtab-empty-'))
    const { code, output } = await startAndStop('never', ['--model', empty])
    assert.equal(code, 1)
    assert.match(
      output,
      /^the model '.*': the folder .* has no config\.json; give one in Hugging Face layout, or a hub id.*$/,
    )
  })

  it('that is killed leaves no engine behind, and no stack trace of it', async () => {
    const server = await startServer()
    const children = childrenOf(server.pid)
    assert.ok(children.length > 0)
    const reader = await openStream(server)
    await server.kill()
    await assert.rejects(readToEnd(reader))
    assert.doesNotMatch(server.output(), /EPIPE|ERR_IPC|\n\s+at /)
    for (let i = 0; i < 100 && children.some(isRunning); i++) await sleep(20)
    assert.deepEqual(children.filter(isRunning), [])
  })

  it('tells the death of its engine in one line, and each request it took in one', async () => {
    const server = await startServer()
    const readers = await Promise.all([openStream(server), openStream(server)])
    for (const pid of childrenOf(server.pid)) process.kill(pid, 'SIGKILL')
    for (const reader of readers) assert.match(await readToEnd(reader), /"code":"engine_error"/)
    await sleep(100)
    assert.equal(await server.stop(), 0)
    assert.equal(server.output().match(/the engine process ended"/g)?.length, 1)
    assert.equal(server.output().match(/a request failed/g)?.length, 2)
    assert.doesNotMatch(server.output(), /"stack"/)
  })
})
