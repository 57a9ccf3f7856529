import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type LoadedClassifier, openClassifier } from '../../src/decoding/local/classifier.ts'
import { randomModel } from './checkpoints.ts'
import { weightsSha256 } from './recording.ts'

const root = fileURLToPath(new URL('../reference/rewards', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'trimtab-rewards-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const names = [
  ...['llama-score', 'qwen2-score', 'qwen3-score', 'mistral-score', 'llama-lora', 'bert', 'roberta'],
  ...['llama-tokens', 'qwen2-tokens', 'qwen2-process', 'llama-gated', 'llama-preference', 'llama-preference-prompt'],
]

/** What test/reference/record_rewards.py wrote of one text, or pair of texts. */
interface Case {
  readonly texts: readonly [string] | readonly [string, string]
  readonly ids: readonly number[]
  readonly numbers?: readonly number[]
  readonly positions?: readonly number[]
  readonly rows?: readonly (readonly number[])[]
}

const open = (name: string, weights: 'fp32' | 'int8') =>
  openClassifier(
    { name, source: join(root, name), weights },
    { threads: 1, cacheFolder: scratch, hub: { cacheFolder: scratch } },
  )

const cases = (name: string): readonly Case[] =>
  (JSON.parse(readFileSync(join(root, `${name}.json`), 'utf8')) as { cases: Case[] }).cases

const encoders = ['bert', 'roberta']

describe('classifiers compute what transformers computes', () => {
  for (const name of names) {
    test(`${name}: texts become the same tokens`, async () => {
      const { tokenizer, close } = await open(name, 'fp32')
      for (const { texts, ids } of cases(name)) {
        const [first, second] = texts
        const input =
          second === undefined ? tokenizer.encode(first, encoders.includes(name)) : tokenizer.encodePair(first, second)
        assert.deepEqual(input.ids, ids, texts.join(' | '))
      }
      await close()
    })

    test(`${name}: fp32 within 1e-3, int8 in the same order`, async () => {
      const recorded = cases(name)
      assert.ok(recorded.length >= 20)
      const expected = recorded.flatMap(({ numbers, rows }) => numbers ?? rows!.flat())
      const exact = await numbersOf(name, 'fp32', recorded)
      const rounded = await numbersOf(name, 'int8', recorded)
      const worst = largestDifference(exact, expected)
      const width = recorded[0]!.numbers?.length ?? recorded[0]!.rows![0]!.length
      const rank = Math.min(
        ...columns(rounded, width).map((column, i) => rankCorrelation(column, columns(expected, width)[i]!)),
      )
      if (process.env['TRIMTAB_PARITY'] === 'full')
        console.log(
          `${name}: fp32 max ${worst.toExponential(1)}, int8 max ${largestDifference(rounded, expected).toFixed(4)}, rank ${rank.toFixed(5)}`,
        )
      assert.ok(worst <= 1e-3, `largest difference ${worst}`)
      assert.ok(rank >= 0.995, `rank correlation ${rank}`)
    })
  }

  test('a text has the same bits whatever was read before it', async () => {
    const classifier = await open('qwen3-score', 'int8')
    const recorded = cases('qwen3-score')
    const forwards = await read(classifier, recorded)
    const backwards = await read(classifier, recorded.toReversed())
    await classifier.close()
    assert.deepEqual(forwards, backwards.toReversed())
  })

  test('every recording was made from the weights that are there', () => {
    for (const name of names) {
      const { weightsSha256: recorded } = JSON.parse(readFileSync(join(root, `${name}.json`), 'utf8'))
      const base = name === 'llama-lora' ? [randomModel('llama-llama3')] : []
      assert.equal(weightsSha256([...base, join(root, name)]), recorded, name)
    }
  })
})

async function numbersOf(name: string, weights: 'fp32' | 'int8', recorded: readonly Case[]): Promise<number[]> {
  const classifier = await open(name, weights)
  const numbers = await read(classifier, recorded)
  await classifier.close()
  return numbers.flat()
}

async function read(classifier: LoadedClassifier, recorded: readonly Case[]): Promise<number[][]> {
  const all: number[][] = []
  for (const { ids, texts, positions } of recorded) {
    const [first, second] = texts
    const segments = second === undefined ? undefined : classifier.tokenizer.encodePair(first, second).segments
    const input = { ids, segments }
    if (positions === undefined) {
      all.push([...(await classifier.pooled(input))])
      continue
    }
    const rows = await classifier.everywhere(input)
    const width = rows.length / ids.length
    all.push(positions.flatMap((at) => [...rows.subarray(at * width, (at + 1) * width)]))
  }
  return all
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  assert.equal(a.length, b.length)
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))
}

const columns = (numbers: readonly number[], width: number): number[][] =>
  Array.from({ length: width }, (_, column) => numbers.filter((_, i) => i % width === column))

/** Spearman's, of numbers without ties. */
function rankCorrelation(a: readonly number[], b: readonly number[]): number {
  const [first, second] = [ranks(a), ranks(b)]
  const squares = first.reduce((sum, rank, i) => sum + (rank - second[i]!) ** 2, 0)
  return 1 - (6 * squares) / (a.length * (a.length ** 2 - 1))
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!)
  const rank = new Array<number>(values.length)
  for (const [place, i] of order.entries()) rank[i] = place
  return rank
}
