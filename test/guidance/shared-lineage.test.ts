import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TokenDraw } from '../../src/decoding/decoder.ts'
import type { PartialAnswer } from '../../src/guidance/partial-answer.ts'
import { SharedLineage } from '../../src/guidance/shared-lineage.ts'

const draw = (id: number): TokenDraw => ({ id, logprob: -id, top: undefined, termLogprobs: undefined })

/** An answer by its pieces; a piece's number is its token. */
function saying(...pieces: readonly (readonly [number, string])[]): PartialAnswer {
  const said = { text: pieces.map(([, text]) => text).join(''), draws: pieces.map(([id]) => draw(id)) }
  return said as PartialAnswer
}

const ids = (found: { readonly draws: readonly TokenDraw[] } | undefined) => found?.draws.map(({ id }) => id)

describe('what answers begin with', () => {
  it('is common without a common past, as soon as all say it', () => {
    const lineage = new SharedLineage()
    assert.equal(lineage.next([saying([1, 'The'], [2, ' bed']), saying()]), undefined)
    const found = lineage.next([saying([1, 'The'], [2, ' bed']), saying([1, 'The'], [3, ' bath'])])
    assert.deepEqual([found?.text, ids(found)], ['The b', [1]])
    assert.equal(lineage.returnedTokens, 1)
  })

  it('is handed out once, and goes on when the others are gone', () => {
    const lineage = new SharedLineage()
    const [bed, bath] = [saying([1, 'The'], [2, ' bed']), saying([1, 'The'], [3, ' bath'])]
    lineage.next([bed, bath])
    assert.equal(lineage.next([bath, bed]), undefined)
    const rest = lineage.next([bath])
    assert.deepEqual([rest?.text, ids(rest)], ['ath', [3]])
  })

  it('counts text even where other tokens say it, and their draws only when they are settled', () => {
    const lineage = new SharedLineage()
    const [whole, halves] = [saying([5, 'abcd']), saying([6, 'ab'], [7, 'cd'])]
    const found = lineage.next([whole, halves])
    assert.deepEqual([found?.text, ids(found)], ['abcd', []])
    const rest = lineage.next([halves])
    assert.deepEqual([rest?.text, ids(rest)], ['', [6, 7]])
  })

  it('never ends within a character', () => {
    const lineage = new SharedLineage()
    const found = lineage.next([saying([1, 'a\u{1F600}']), saying([2, 'a\u{1F601}'])])
    assert.equal(found?.text, 'a')
  })
})
