import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { allOrNone } from '../../src/decoding/upstream/all-or-none.ts'

test('all results, in order', async () => {
  const runs = [3, 1, 2].map((value) => async () => {
    await sleep(value)
    return value
  })
  assert.deepEqual(await allOrNone(new AbortController().signal, runs), [3, 1, 2])
})

test('when one fails the others are aborted, and have stopped before its error is thrown', async () => {
  let stopped = false
  const slow = async (signal: AbortSignal) => {
    await sleep(60_000, undefined, { signal }).catch(() => {})
    await sleep(5)
    stopped = true
    throw new Error('aborted')
  }
  const failing = async () => {
    await sleep(1)
    throw new Error('the first')
  }
  await assert.rejects(() => allOrNone(new AbortController().signal, [slow, failing]), /the first/)
  assert.ok(stopped)
})
