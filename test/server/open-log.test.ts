import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { openLog, requestMessage } from '../../src/server/open-log.ts'

test('a log that can no longer be written falls silent and throws nothing', () => {
  const destination = pino.destination({ dest: '/dev/null', sync: true })
  const log = openLog('info', destination)
  assert.equal(log.level, 'info')
  destination.emit('error', Object.assign(new Error('i/o error'), { code: 'EIO' }))
  assert.equal(log.level, 'silent')
  log.error('nobody hears it')
})

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
