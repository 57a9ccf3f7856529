import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeEvents } from '../../src/server/event-stream.ts'

interface Course {
  readonly fails?: boolean
  readonly keepAliveMs?: number
  /** Bytes that may wait for the reader. */
  readonly room?: number
}

/** Frames `1` to `9` on their way to somebody who has not begun to read. */
function stream({ fails = false, keepAliveMs = 60_000, room = 1000 }: Course = {}) {
  const gone = new AbortController()
  // a signal made of others, as requests have it: Node keeps it for as long as somebody listens
  const signal = AbortSignal.any([gone.signal, new AbortController().signal])
  const told: string[] = []
  let left = false
  let asked = 0
  async function* frames() {
    try {
      for (let i = 1; i <= 9; i++) {
        asked = i
        yield `data: ${i}\n\n`
        if (fails) throw new Error('broken')
      }
    } finally {
      left = true
    }
  }
  const outgoing = new PassThrough({ highWaterMark: room })
  const written = writeEvents(frames(), outgoing, {
    keepAliveMs,
    signal,
    onFailure: () => told.push('failure'),
    onFault: () => told.push('fault'),
    failure: () => 'data: failed\n\n',
  })
  const listeners = () => getEventListeners(signal, 'abort').length + outgoing.listenerCount('drain')
  return { outgoing, written, gone, told, listeners, asked: () => asked, left: () => left }
}

describe('an event stream', () => {
  it('is all its frames', async () => {
    const { outgoing, written, told } = stream()
    const all = Array.from({ length: 9 }, (_, i) => `data: ${i + 1}\n\n`).join('')
    assert.equal(await text(outgoing), all)
    await written
    assert.deepEqual(told, [])
  })

  it('that fails says so in a last frame', async () => {
    const { outgoing, written, told } = stream({ fails: true })
    assert.equal(await text(outgoing), 'data: 1\n\ndata: failed\n\n')
    await written
    assert.deepEqual(told, ['failure', 'fault'])
  })

  it('waits for its reader, with a listener that goes with the wait', async () => {
    const { outgoing, written, listeners, asked } = stream({ room: 1 })
    await sleep(5)
    assert.equal(listeners(), 2)
    const waitedAt = asked()
    assert.ok(waitedAt < 9)
    assert.match(await text(outgoing), /data: 9\n\n$/)
    await written
    assert.deepEqual([asked(), listeners()], [9, 0])
  })

  it('ends where its reader leaves, and leaves its frames', async () => {
    const { written, gone, listeners, left, asked, told } = stream({ room: 1 })
    await sleep(5)
    gone.abort(new Error('left'))
    await written
    assert.deepEqual([left(), asked() < 9, listeners(), told], [true, true, 0, []])
  })

  it('sends no comments to somebody who does not read', async () => {
    const { outgoing, written, gone } = stream({ room: 1, keepAliveMs: 1 })
    await sleep(20)
    assert.match(String(outgoing.read()), /^(data: \d\n\n)+$/)
    gone.abort(new Error('left'))
    await written
  })
})
