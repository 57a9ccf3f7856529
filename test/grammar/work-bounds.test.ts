import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { GrammarError } from '../../src/decoding/grammar/grammar-error.ts'
import { Grammars } from '../../src/decoding/grammar/grammars.ts'
import type { TokenGrammar } from '../../src/decoding/grammar/token-grammar.ts'
import { accepts, byteGrammars } from './byte-vocabulary.ts'

const letters = [...'abcdefghijklmnopqrstuvwxyz']
/** All texts of one to three letters, as a trained vocabulary is full of them, and the bytes that JSON needs. */
const texts = [
  ...letters.flatMap((a) => [a, ...letters.flatMap((b) => [a + b, ...letters.map((c) => a + b + c)])]),
  ...'"0123456789[]{},: ',
]
const tokens = texts.map((text) => Buffer.from(text))
const [quote, word] = [texts.indexOf('"'), texts.indexOf('abc')]

const grammarOf = (schema: unknown): TokenGrammar =>
  new Grammars(tokens.length, (id) => tokens[id]!).get({ type: 'json-schema', schema })

/** Strings of letters and a number, read in as many ways as there are numbers: each takes a walk of its own. */
const ways = (count: number) =>
  grammarOf({ anyOf: Array.from({ length: count }, (_, i) => ({ type: 'string', pattern: `^[a-z]*${i}$` })) })

/** Masks that are found until that takes too long. */
function masksOf(grammar: TokenGrammar, most: number): number {
  let state = grammar.after(grammar.start, quote)
  for (let count = 0; count < most; count++) {
    try {
      grammar.allowed(state)
    } catch (error) {
      assert.ok(error instanceof GrammarError && /takes too long/.test(error.message), String(error))
      return count
    }
    state = grammar.after(state, word)
  }
  return most
}

test('a mask that would take hundreds of walks through the vocabulary is refused', () => {
  assert.equal(masksOf(ways(400), 5), 0)
})

test('masks that take many walks at every token are refused after some, those of one walk never', () => {
  const found = masksOf(ways(150), 50)
  assert.ok(found > 0 && found < 50, `${found}`)
  assert.equal(masksOf(ways(3), 300), 300)
})

test('a grammar that was refused too much goes on with what is known', () => {
  const grammar = ways(150)
  assert.ok(masksOf(grammar, 50) < 50)
  for (let i = 0; i < 100; i++) grammar.allowed(grammar.start)
  assert.ok(masksOf(grammar, 50) > 0)
})

const grammars = byteGrammars()
const ofPattern = (pattern: string) => grammars.get({ type: 'json-schema', schema: { type: 'string', pattern } })

test('what needs no states but millions of edges is refused, and so is a pattern of ten thousand characters', () => {
  assert.throws(() => ofPattern(`^(${'|'.repeat(9000)}){5000}$`), /more than 400000 edges/)
  assert.throws(() => ofPattern('a'.repeat(10_001)), /longer than 10000 characters/)
})

test('a character that a class names thousands of times is one', () => {
  const grammar = ofPattern(`^[${'ab'.repeat(4000)}]{1,300}$`)
  assert.ok(accepts(grammar, '"abba"') && !accepts(grammar, '"c"'))
})

test('a thousand nested parts are decoded under or refused, by name', () => {
  const items = Array.from({ length: 1024 }, () => ({ type: 'null' }))
  try {
    const grammar = grammars.get({ type: 'json-schema', schema: { type: 'array', prefixItems: items } })
    assert.ok(accepts(grammar, '[null,null]'))
  } catch (error) {
    assert.ok(error instanceof GrammarError, String(error))
  }
})

test('answers leave nothing behind in a grammar that is kept', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const schema = { type: 'array', items: { type: 'string', maxLength: 1500 } }
  const grammar = grammars.get({ type: 'json-schema', schema })
  const characters = ['a', 'é', '€'].map((character) => Buffer.from(character))
  // numbers of Park and Miller
  let chance = 1
  const answer = () => {
    let state = grammar.start
    const read = (bytes: Uint8Array) => {
      for (const byte of bytes) state = grammar.after(state, byte + 1)
    }
    read(Buffer.from('["'))
    for (let i = 0; i < 1000; i++) {
      chance = (chance * 48271) % 2147483647
      read(characters[chance % 3]!)
    }
  }
  const heapAfter = (answers: number) => {
    for (let i = 0; i < answers; i++) answer()
    collect()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const before = heapAfter(5)
  const grown = heapAfter(60) - before
  assert.ok(grown < 40, `${grown} MiB`)
})
