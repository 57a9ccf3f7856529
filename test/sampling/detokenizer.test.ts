import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Detokenizer } from '../../src/decoding/detokenizer.ts'
import { splitAt } from './split-at.ts'

const wholeDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((value) => new TextEncoder().encode(value))
/** Leads and continuations that make, break and truncate sequences, beside any other bytes. */
const bytes = fc.array(
  fc.oneof(
    fc.constantFrom(0x61, 0x80, 0x9f, 0xa0, 0xbf, 0xc1, 0xc3, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff),
    fc.integer({ min: 0, max: 255 }),
  ),
  { maxLength: 16 },
)
const anyBytes = fc.oneof(
  text,
  bytes.map((values) => Uint8Array.from(values)),
)

test('any bytes in any pieces give the text of the whole', () => {
  fc.assert(
    fc.property(anyBytes, fc.array(fc.nat(20), { maxLength: 10 }), (whole, cuts) => {
      const detokenizer = new Detokenizer()
      const pieces = splitAt(whole, cuts).map((piece) => detokenizer.push(piece))
      assert.equal(pieces.join('') + detokenizer.flush(), wholeDecoder.decode(whole))
    }),
    { numRuns: 3000 },
  )
})

test('no piece of valid text ever holds a replacement character or half a surrogate pair', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (value) => {
      fc.pre(!value.includes('\ufffd'))
      const detokenizer = new Detokenizer()
      for (const byte of new TextEncoder().encode(value)) {
        const piece = detokenizer.push(Uint8Array.of(byte))
        assert.ok(!piece.includes('\ufffd') && !/\p{Surrogate}/u.test(piece))
      }
    }),
  )
})

test('a character is emitted with its last byte', () => {
  const detokenizer = new Detokenizer()
  const pieces = [...new TextEncoder().encode('aé😀')].map((byte) => detokenizer.push(Uint8Array.of(byte)))
  assert.deepEqual(pieces, ['a', '', 'é', '', '', '', '😀'])
})

test('an impossible sequence is replaced as soon as it is impossible', () => {
  const detokenizer = new Detokenizer()
  assert.equal(detokenizer.push(Uint8Array.of(0xe0)), '')
  assert.equal(detokenizer.push(Uint8Array.of(0x80)), '\ufffd\ufffd')
})

test('a clone continues on its own', () => {
  const detokenizer = new Detokenizer()
  detokenizer.push(Uint8Array.of(0xc3))
  const copy = detokenizer.clone()
  assert.equal(detokenizer.push(Uint8Array.of(0xa9)), 'é')
  assert.equal(copy.push(Uint8Array.of(0xa8)), 'è')
  assert.equal(detokenizer.flush() + copy.flush(), '')
})
