import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { stringify } from 'yaml'
import { openLog, requestMessage } from '../../src/server/open-log.ts'
import { until } from '../upstream/settings.ts'

test('a log that can no longer be written falls silent, throws nothing and keeps nothing', async () => {
  const destination = pino.destination({ dest: '/dev/null', sync: true })
  const log = openLog('info', destination)
  const written: string[] = []
  destination.write = (line) => {
    written.push(line)
    return true
  }
  log.info('heard')
  let closed = false
  destination.on('close', () => {
    closed = true
  })
  destination.emit('error', Object.assign(new Error('i/o error'), { code: 'EIO' }))
  log.error('nobody hears it')
  log.level = 'debug'
  log.debug('nor that')
  await until(() => closed)
  assert.equal(written.length, 1)
  assert.match(written[0] ?? '', /"heard"/)
})

const main = fileURLToPath(new URL('../../src/server/main.ts', import.meta.url))
const isUtilLinux = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

/** A configuration that needs no engine, so that the server starts at once. */
function writeConfig(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'trimtab-terminal-')), 'trimtab.yaml')
  const upstreams = { gpu: { kind: 'openai', urls: ['http://127.0.0.1:9'] } }
  writeFileSync(file, stringify({ models: { far: { upstream: 'gpu' } }, upstreams }))
  return file
}

describe('a server whose terminal is closed', {
  skip: isUtilLinux ? false : 'script(1) of util-linux is missing',
}, () => {
  it('ends, though it has a configuration to read again', { timeout: 300_000 }, async () => {
    const command = `exec '${process.execPath}' --import tsx '${main}' serve --port 0 --config '${writeConfig()}'`
    // script(1) holds the terminal that the server runs in
    const terminal = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    after(() => terminal.kill('SIGKILL'))
    let said = ''
    terminal.stdout.on('data', (data) => {
      said += data
    })
    // the log and the welcome come in any order
    await until(() => /Try it/.test(said) && /"pid":\d+/.test(said))
    const pid = Number(/"pid":(\d+)/.exec(said)?.[1])
    assert.ok(isRunning(pid))
    after(() => isRunning(pid) && process.kill(pid, 'SIGKILL'))
    terminal.kill('SIGKILL')
    await once(terminal, 'close')
    await until(() => !isRunning(pid))
  })
})

/** An orphan that has ended may wait for the init process as a zombie. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.startsWith('Z')
}

test('lines of requests wait a little, other lines do not, and their order stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-log-'))
  const dest = join(folder, 'log')
  const told = () =>
    readFileSync(dest, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).msg)
  const log = openLog('info', pino.destination({ dest, sync: true, minLength: 4096 }))
  log.info({ status: 200 }, requestMessage)
  log.info({ status: 200 }, requestMessage)
  assert.deepEqual(told(), [])
  log.warn('a request failed')
  assert.deepEqual(told(), ['request', 'request', 'a request failed'])
  log.info({ status: 200 }, requestMessage)
  while (told().length < 4) await new Promise((resolve) => setTimeout(resolve, 10))
  rmSync(folder, { recursive: true })
})
