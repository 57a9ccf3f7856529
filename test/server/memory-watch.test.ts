import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { MemoryWatch } from '../../src/server/memory-ceiling.ts'

mock.timers.enable({ apis: ['setInterval'] })

/** A process with a ceiling of 1000 bytes that is asked once a tick and told what it holds and whether it works. */
function watched() {
  const standings: string[] = []
  const process = { holds: 500, isBusy: true, answers: true }
  const watch = new MemoryWatch(
    {
      residentBytes: () => (process.answers ? Promise.resolve(process.holds) : new Promise(() => {})),
      isBusy: () => process.isBusy,
      onFull: () => standings.push('full'),
      onRoom: () => standings.push('room'),
      onStuck: () => standings.push('stuck'),
    },
    { bytes: 1000, patienceMs: 50 },
    10,
  )
  const ticks = async (count: number) => {
    for (let i = 0; i < count; i++) {
      mock.timers.tick(10)
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { watch, process, standings, ticks }
}

test('what was measured before the last request was over does not end the process', async () => {
  const { watch, process, standings, ticks } = watched()
  process.holds = 2000
  await ticks(1)
  process.isBusy = false
  await ticks(1)
  assert.deepEqual(standings, ['full'])
  process.holds = 700
  await ticks(1)
  assert.deepEqual(standings, ['full', 'room'])
  watch.stop()
})

test('a process that stays full with nothing to do is given up, and nothing is told after that', async () => {
  const { process, standings, ticks } = watched()
  process.holds = 2000
  await ticks(1)
  process.isBusy = false
  await ticks(20)
  assert.deepEqual(standings, ['full', 'stuck'])
})

test('a full process that does not answer is given up when patience ends', async () => {
  const { process, standings, ticks } = watched()
  process.holds = 2000
  await ticks(1)
  process.answers = false
  await ticks(5)
  assert.deepEqual(standings, ['full'])
  await ticks(20)
  assert.deepEqual(standings, ['full', 'stuck'])
})

test('an answer that comes after the watch was stopped is of a process that is gone', async () => {
  const { watch, process, standings, ticks } = watched()
  process.holds = 2000
  mock.timers.tick(10)
  watch.stop()
  await ticks(3)
  assert.deepEqual(standings, [])
})
