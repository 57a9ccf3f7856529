import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { watchEngine } from '../../src/server/engine-watchdog.ts'

function watched(isBusy = true) {
  const seen = { pings: 0, silences: 0 }
  const dog = watchEngine(
    {
      isBusy: () => isBusy,
      ping: () => {
        seen.pings += 1
      },
      onSilent: () => {
        seen.silences += 1
      },
    },
    1000,
  )
  return { seen, dog }
}

describe('the watchdog', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }))
  afterEach(() => mock.timers.reset())

  it('asks a busy engine for a sign of life, and reports its silence', () => {
    const { seen } = watched()
    mock.timers.tick(1000)
    assert.deepEqual(seen, { pings: 4, silences: 0 })
    mock.timers.tick(250)
    assert.deepEqual(seen, { pings: 4, silences: 1 })
  })

  it('is content with any sign of life', () => {
    const { seen, dog } = watched()
    for (let i = 0; i < 20; i++) {
      mock.timers.tick(750)
      dog.heard()
    }
    assert.equal(seen.silences, 0)
  })

  it('leaves an idle engine in peace', () => {
    const { seen } = watched(false)
    mock.timers.tick(60_000)
    assert.deepEqual(seen, { pings: 0, silences: 0 })
  })

  it('is quiet once stopped', () => {
    const { seen, dog } = watched()
    dog.stop()
    mock.timers.tick(60_000)
    assert.deepEqual(seen, { pings: 0, silences: 0 })
  })
})
