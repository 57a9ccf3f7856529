import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { oneByOne } from '../../src/decoding/local/classifier-batch.ts'

const never = new AbortController().signal

/** Runs that each take a few turns of the event loop; notes their order and how many run at one time. */
function runs() {
  const order: string[] = []
  let [running, most] = [0, 0]
  const run = async (name: string) => {
    most = Math.max(most, ++running)
    order.push(name)
    await nextTurn()
    running--
    return name
  }
  return { order, run, most: () => most }
}

test('however many callers there are, one runs at a time, and they take turns', async () => {
  const { order, run, most } = runs()
  const callers = ['a', 'b', 'c'].map((name) => oneByOne([name, name, name], never, run))
  assert.deepEqual(await Promise.all(callers), [
    ['a', 'a', 'a'],
    ['b', 'b', 'b'],
    ['c', 'c', 'c'],
  ])
  assert.equal(most(), 1)
  assert.equal(order.join(''), 'abcabcabc')
})

test('who is aborted while waiting leaves at once, and the others go on', async () => {
  const { order, run } = runs()
  const controller = new AbortController()
  let open: (() => void) | undefined
  const first = oneByOne(['a'], never, async () => await new Promise<void>((resolve) => (open = resolve)))
  const gone = oneByOne(['b'], controller.signal, run)
  const last = oneByOne(['c'], never, run)
  controller.abort(new Error('gone'))
  await assert.rejects(gone, /gone/)
  while (open === undefined) await nextTurn()
  open()
  await first
  assert.deepEqual(await last, ['c'])
  assert.deepEqual(order, ['c'])
})

test('what throws, or is aborted when its turn comes, gives its turn on', async () => {
  const { run } = runs()
  const controller = new AbortController()
  const broken = oneByOne(['a'], never, () => Promise.reject(new Error('broken')))
  const aborted = oneByOne(['b'], controller.signal, async () => assert.fail('it ran'))
  const last = oneByOne(['c'], never, run)
  broken.catch(() => controller.abort(new Error('gone')))
  await assert.rejects(broken, /broken/)
  await assert.rejects(aborted, /gone/)
  assert.deepEqual(await last, ['c'])
})
