import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compare, seconds, tokensPerSecond } from '../../bench/measures/comparison.ts'
import { markdownTable } from '../../bench/measures/table.ts'
import { atLeast } from '../../bench/measures/target.ts'
import { MissingRival, rivalOr } from '../../bench/missing.ts'

const settings = { rounds: 3, say: () => {} }
const constant = (name: string, value: number) => ({ name, measure: async () => value })

describe('a comparison', () => {
  it('divides rates by the rival, and the rival by times', async () => {
    const ours = [constant('ours', 30)]
    const theirs = [constant('theirs', 20)]
    const [rates] = await compare('w', ours, theirs, tokensPerSecond, settings, () => undefined)
    const [times] = await compare('w', ours, theirs, seconds, settings, () => undefined)
    assert.deepEqual(rates!.values, [1.5, 1.5, 1.5])
    assert.deepEqual(times!.values, [2 / 3, 2 / 3, 2 / 3])
  })

  it('keeps a row for a rival that is missing, with what to do about it', async () => {
    const missing = { name: 'theirs', measure: new MissingRival('theirs', 'install it') }
    const rows = await compare('w', [constant('ours', 30)], [missing], tokensPerSecond, settings, () => atLeast(2))
    assert.deepEqual(rows[0]!.values, [])
    const table = markdownTable(rows)
    assert.match(table, /\| w \| ours \/ theirs \| ours 30\.0 tokens\/s; theirs - \| - \| >= 2\.00x \| missing \|/)
    assert.match(table, /- theirs: install it/)
  })

  it('goes on without a rival that breaks down midway, and says why', async () => {
    let calls = 0
    const measure = async (round: number) => {
      calls++
      if (round === 1) throw new Error('out of memory')
      return 20
    }
    const rivals = [{ name: 'theirs', measure }, constant('others', 15)]
    const [broken, sound] = await compare('w', [constant('ours', 30)], rivals, tokensPerSecond, settings, () =>
      atLeast(2),
    )
    assert.deepEqual(broken!.values, [])
    assert.match(broken!.missing!, /theirs failed in round 2: Error: out of memory/)
    assert.equal(calls, 3)
    assert.deepEqual(sound!.values, [2, 2, 2])
  })

  it('does not take a failure of ours for theirs', async () => {
    const ours = { name: 'ours', measure: () => Promise.reject(new Error('ours')) }
    await assert.rejects(
      compare('w', [ours], [constant('b', 1)], tokensPerSecond, settings, () => undefined),
      /ours/,
    )
  })

  it('does not take a failure for a missing rival', async () => {
    await assert.rejects(
      rivalOr(() => {
        throw new TypeError('broken')
      }),
      TypeError,
    )
    assert.ok((await rivalOr(() => Promise.reject(new MissingRival('x', 'y')))) instanceof MissingRival)
  })
})

describe('the table', () => {
  it('has median, range, target and verdict of each row', () => {
    const row = {
      work: 'decode',
      comparison: 'a / b',
      unit: 'x',
      values: [1.2, 1.5, 1.3],
      measured: [{ name: 'a', unit: 'tokens/s', values: [120, 150, 130] }],
      target: atLeast(1.1),
    }
    assert.equal(
      markdownTable([row]).split('\n').at(-1),
      '| decode | a / b | a 130 tokens/s | 1.30x (1.20 .. 1.50) | >= 1.10x | met |',
    )
  })
})
