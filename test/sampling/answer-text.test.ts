import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AnswerText } from '../../src/decoding/answer-text.ts'
import type { SequenceDelta } from '../../src/decoding/decoder.ts'
import { compileStopStrings } from '../../src/decoding/stop-strings.ts'
import { splitAt } from './split-at.ts'

const encoder = new TextEncoder()
const drawOf = (id: number) => ({ id, logprob: 0, top: undefined, termLogprobs: undefined })

/** Pushes each piece as draw 0, 1, 2, ... as an engine does: until a stop string or the end. */
function run(stop: readonly string[], pieces: readonly Uint8Array[]): SequenceDelta[] {
  const answer = new AnswerText(compileStopStrings(stop))
  const deltas: SequenceDelta[] = []
  for (const [id, piece] of pieces.entries()) {
    deltas.push(answer.push(drawOf(id), piece))
    if (answer.stopped) break
  }
  deltas.push(answer.finish())
  assert.equal(answer.text, deltas.map(({ text }) => text).join(''))
  return deltas
}

const textOf = (deltas: readonly SequenceDelta[]) => deltas.map(({ text }) => text).join('')
const idsOf = (deltas: readonly SequenceDelta[]) => deltas.flatMap(({ draws }) => draws.map(({ id }) => id))
const words = (...pieces: string[]) => pieces.map((piece) => encoder.encode(piece))

/** Where the whole text is cut: before the longest of the stop strings that end first. */
function cutOf(whole: string, stop: readonly string[]): number {
  for (let end = 1; end <= whole.length; end++) {
    const ending = stop.filter((text) => whole.slice(0, end).endsWith(text))
    if (ending.length > 0) return end - Math.max(...ending.map((text) => text.length))
  }
  return whole.length
}

const characters = fc.constantFrom('a', 'a', 'b', 'c', 'é', '😀')
const texts = (minLength: number, maxLength: number) => fc.string({ unit: characters, minLength, maxLength })
const stops = fc.array(texts(1, 4), { maxLength: 4 })
const cuts = fc.array(fc.nat(60), { maxLength: 30 })

test('any pieces and any stop strings give the whole, cut at the first match', () => {
  fc.assert(
    fc.property(texts(0, 20), stops, cuts, (whole, stop, at) => {
      const deltas = run(stop, splitAt(encoder.encode(whole), at))
      assert.equal(textOf(deltas), whole.slice(0, cutOf(whole, stop)))
    }),
    { numRuns: 3000 },
  )
})

test('invalid bytes in any pieces give the whole, cut at the first match', () => {
  const bytes = fc.array(fc.constantFrom(0x61, 0x62, 0x80, 0xc3, 0xa9, 0xf0, 0x9f), { maxLength: 14 })
  const withReplacement = fc.array(fc.constantFrom('a', '\ufffd', 'b\ufffd', 'éa'), { maxLength: 3 })
  fc.assert(
    fc.property(bytes, withReplacement, cuts, (values, stop, at) => {
      const whole = new TextDecoder().decode(Uint8Array.from(values))
      const deltas = run(stop, splitAt(Uint8Array.from(values), at))
      assert.equal(textOf(deltas), whole.slice(0, cutOf(whole, stop)))
    }),
    { numRuns: 3000 },
  )
})

test('exactly the draws that lie before the cut are released, in order, none before its text', () => {
  fc.assert(
    fc.property(texts(0, 20), stops, cuts, (whole, stop, at) => {
      const pieces = splitAt(encoder.encode(whole), at)
      const kept = encoder.encode(whole.slice(0, cutOf(whole, stop))).length
      const ends = pieces.map((_, i) => pieces.slice(0, i + 1).reduce((sum, piece) => sum + piece.length, 0))
      const deltas = run(stop, pieces)
      const ids = idsOf(deltas)
      assert.deepEqual(ids, Array.from(ids.keys()))
      // A piece that ends within a character is final with that character, whose end is the next boundary.
      const boundary = (end: number) => encoder.encode(firstCharacters(whole, end)).length
      const matchedAt = cutOf(whole, stop) < whole.length ? pushesUntilMatch(whole, stop, ends) : pieces.length
      assert.deepEqual(
        ids,
        Array.from(ends.keys()).filter((i) => i < matchedAt && boundary(ends[i]!) <= kept),
      )
      let released = 0
      let text = 0
      for (const delta of deltas) {
        text += encoder.encode(delta.text).length
        released += delta.draws.length
        if (released > 0) assert.ok(ends[released - 1]! <= text)
      }
    }),
    { numRuns: 3000 },
  )
})

/** The characters that reach up to byte `end`, the one it lies within included. */
function firstCharacters(whole: string, end: number): string {
  let taken = ''
  for (const character of whole) {
    if (encoder.encode(taken).length >= end) break
    taken += character
  }
  return taken
}

/** How many pieces an engine pushes until a stop string is complete. */
function pushesUntilMatch(whole: string, stop: readonly string[], ends: readonly number[]): number {
  let end = 1
  while (!stop.some((text) => whole.slice(0, end).endsWith(text))) end++
  const byte = encoder.encode(whole.slice(0, end)).length
  return ends.findIndex((reached) => reached >= byte) + 1
}

test('text that no stop string can begin in is released at once', () => {
  const deltas = run(['END'], words('Hello', ' world', ' E', 'N', 'T'))
  assert.deepEqual(
    deltas.map(({ text }) => text),
    ['Hello', ' world', ' ', '', 'ENT', ''],
  )
  assert.deepEqual(
    deltas.map(({ draws }) => draws.length),
    [1, 1, 0, 0, 3, 0],
  )
})

test('a stop string that overlaps itself is found', () => {
  assert.equal(textOf(run(['aab'], words('a', 'a', 'a', 'b', 'c'))), 'a')
  assert.equal(textOf(run(['abab', 'abc'], words('ababab'))), '')
})

test('of stop strings that end together the longest cuts; of others the first to be complete', () => {
  assert.equal(textOf(run(['b', 'aab'], words('xaab'))), 'x')
  assert.equal(textOf(run(['abcd', 'bc'], words('abcd'))), 'a')
})

test('a stop string across tokens leaks nothing and drops its draws', () => {
  const deltas = run(['\n\nUser'], words('Hi', '.\n', '\nUs', 'er', ' more'))
  assert.equal(textOf(deltas), 'Hi.')
  assert.deepEqual(idsOf(deltas), [0])
})

test('a character split over tokens belongs to all of them', () => {
  const [a, b, c, d] = encoder.encode('😀')
  const deltas = run(
    ['x'],
    [Uint8Array.of(a!), Uint8Array.of(b!, c!), new Uint8Array(0), Uint8Array.of(d!), ...words('yx')],
  )
  assert.equal(textOf(deltas), '😀y')
  assert.deepEqual(idsOf(deltas), [0, 1, 2, 3])
})

test('an answer that ends within a character ends like the whole decoded at once', () => {
  const deltas = run(['b'], [...words('a'), Uint8Array.of(0xf0, 0x9f)])
  assert.equal(textOf(deltas), 'a\ufffd')
  assert.deepEqual(idsOf(deltas), [0, 1])
})

test('a clone goes on by itself', () => {
  const answer = new AnswerText(compileStopStrings(['ab']))
  assert.equal(answer.push(drawOf(0), encoder.encode('xa')).text, 'x')
  const copy = answer.clone()
  assert.deepEqual(answer.push(drawOf(1), encoder.encode('b')), { text: '', draws: [] })
  assert.equal(answer.stopped, true)
  assert.deepEqual(copy.push(drawOf(2), encoder.encode('c')), { text: 'ac', draws: [drawOf(0), drawOf(2)] })
  assert.equal(copy.stopped, false)
  assert.equal(answer.text, 'x')
})

test('an empty stop string is refused', () => {
  assert.throws(() => compileStopStrings(['']), { param: 'stop' })
})

test('many long stop strings cost no more per character than one', () => {
  const stop = Array.from({ length: 2000 }, (_, i) => `${'a'.repeat(100)}${i}`)
  const answer = new AnswerText(compileStopStrings(stop))
  const start = performance.now()
  for (let i = 0; i < 5000; i++) answer.push(drawOf(i), encoder.encode('aaaaaaaa'))
  assert.ok(performance.now() - start < 2000)
  assert.equal(answer.text.length + 100, 40_000)
})
