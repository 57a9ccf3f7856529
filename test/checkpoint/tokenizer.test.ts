import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openTokenizer, type TokenizerAdapter } from '../../src/decoding/checkpoint/tokenizer.ts'
import { readTokenizerConfig } from '../../src/decoding/checkpoint/tokenizer-json.ts'
import { temporaryFolder } from './fixtures.ts'
import { tinyTokenizerJson, tinyVocabularySize, writeTinyTokenizer } from './tiny-tokenizer.ts'

const smollm2 = join(process.env['TRIMTAB_DEV'] ?? join(homedir(), '.cache/trimtab-dev'), 'SmolLM2-135M-Instruct')
const smollm2Missing = existsSync(join(smollm2, 'tokenizer.json')) ? false : `${smollm2} is missing`
const open = (folder: string) => openTokenizer('m', folder, readTokenizerConfig('m', folder))

function tiny(): TokenizerAdapter {
  const folder = temporaryFolder()
  writeTinyTokenizer(folder)
  return open(folder)
}

function textOf(tokenizer: TokenizerAdapter, ids: readonly number[]): string {
  return Buffer.concat(ids.map((id) => tokenizer.bytesOf(id))).toString('utf8')
}

const plainText = fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !text.includes('<|'))

/** A file as Llama 2 and Mistral have it: spaces as `▁`, bytes as `<0xHH>`, a prefix space, BOS by a template. */
function writeSentencePieceTokenizer(folder: string): void {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const vocabulary = ['<unk>', '<s>', '</s>', ...bytes, '▁', 'h', 'i', '▁h', '▁hi', '▁▁']
  const special = (id: number) => ({ id, content: vocabulary[id], special: true, normalized: false })
  const json = {
    added_tokens: [0, 1, 2].map(special),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: ['▁ h', '▁h i', '▁ ▁'],
    },
  }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json))
  const config = { bos_token: { content: '<s>', __type: 'AddedToken' }, eos_token: '</s>' }
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
}

describe('a byte-level tokenizer', () => {
  test('gives back any text by the bytes of its ids', () => {
    const tokenizer = tiny()
    fc.assert(
      fc.property(plainText, (text) => {
        assert.equal(textOf(tokenizer, tokenizer.encode(text, false)), text)
      }),
    )
  })

  test('turns special tokens in a text into their ids, which have no bytes', () => {
    const tokenizer = tiny()
    const ids = tokenizer.encode('<|im_start|>user\nhello<|im_end|>', false)
    assert.equal(ids[0], 1)
    assert.equal(ids.at(-1), 2)
    assert.equal(textOf(tokenizer, ids), 'user\nhello')
    assert.deepEqual([...tokenizer.specialIds].sort(), [0, 1, 2])
  })

  test('keeps added plain tokens as text', () => {
    const tokenizer = tiny()
    const ids = tokenizer.encode('a<tool>b', false)
    assert.deepEqual(
      ids.map((id) => tokenizer.tokenOf(id)),
      ['a', '<tool>', 'b'],
    )
    assert.equal(textOf(tokenizer, ids), 'a<tool>b')
  })

  test('knows its vocabulary', () => {
    const tokenizer = tiny()
    assert.equal(tokenizer.size, tinyVocabularySize)
    assert.equal(tokenizer.idOf('hello'), tokenizer.encode('hello', false)[0])
    assert.equal(tokenizer.tokenOf(tokenizer.size), undefined)
    assert.equal(tokenizer.idOf('no such token'), undefined)
    assert.equal(tokenizer.bosTokenId, 0)
    assert.equal(tokenizer.eosTokenId, 2)
    assert.deepEqual(tokenizer.encode('', false), [])
  })

  test('refuses lone surrogates and says where', () => {
    for (const text of ['ab\ud83d', '\udc4d', 'a\udc4d\ud83d']) {
      assert.throws(() => tiny().encode(text, false), /lone surrogate at position \d/)
    }
    assert.equal(textOf(tiny(), tiny().encode('\u{1f44d}', false)), '\u{1f44d}')
  })

  test('needs time in proportion to the length of the text, also without spaces', () => {
    const tokenizer = tiny()
    const timeOnce = (length: number) => {
      const start = performance.now()
      tokenizer.encode('a'.repeat(length), false)
      return performance.now() - start
    }
    // The best of some: other work on the machine only ever adds.
    const time = (length: number) => Math.min(...[1, 2, 3, 4].map(() => timeOnce(length)))
    // Quadratic growth would make it 16 times.
    assert.ok(time(80_000) < 10 * time(20_000))
  })
})

describe('a SentencePiece-style tokenizer', () => {
  const folder = temporaryFolder()
  writeSentencePieceTokenizer(folder)
  const tokenizer = open(folder)

  test('maps its space sign and byte tokens to bytes', () => {
    assert.equal(textOf(tokenizer, tokenizer.encode('hi  hi é👍', false)), ' hi  hi é👍')
    assert.deepEqual([...tokenizer.bytesOf(tokenizer.idOf('<0xE2>')!)], [0xe2])
    assert.equal(textOf(tokenizer, [tokenizer.idOf('▁▁')!]), '  ')
  })

  test('adds its BOS only when asked', () => {
    assert.equal(tokenizer.bosTokenId, 1)
    assert.equal(tokenizer.encode('hi', true)[0], 1)
    assert.notEqual(tokenizer.encode('hi', false)[0], 1)
  })
})

describe('the tokenizer of SmolLM2', { skip: smollm2Missing }, () => {
  test('gives back any text of bytes that its vocabulary has', () => {
    const tokenizer = open(smollm2)
    const tables = Array.from({ length: tokenizer.size }, (_, id) => tokenizer.bytesOf(id))
    // It has no token for 21 bytes, such as 0xF1; like transformers, it leaves out what it cannot write.
    const known = new Set(tables.filter((bytes) => bytes.length === 1).map((bytes) => bytes[0]))
    const written = plainText.filter((text) => Buffer.from(text).every((byte) => known.has(byte)))
    fc.assert(fc.property(written, (text) => assert.equal(textOf(tokenizer, tokenizer.encode(text, false)), text)))
  })
})

test('a tokenizer whose tokens are not bytes of the text is refused by its name', () => {
  const folder = temporaryFolder()
  const json = { ...tinyTokenizerJson(), decoder: { type: 'WordPiece', prefix: '##' } }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json))
  assert.throws(() => open(folder), { name: 'CheckpointError', message: /decoder 'WordPiece' is not supported/ })
})
