import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openLog } from '../../src/server/open-log.ts'

test('a log that can no longer be written falls silent and throws nothing', () => {
  const destination = pino.destination({ dest: '/dev/null', sync: true })
  const log = openLog('info', destination)
  assert.equal(log.level, 'info')
  destination.emit('error', Object.assign(new Error('i/o error'), { code: 'EIO' }))
  assert.equal(log.level, 'silent')
  log.error('nobody hears it')
})
