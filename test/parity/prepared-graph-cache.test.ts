import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openEngine } from '../../src/decoding/local/engine.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'
import { randomModel } from './checkpoints.ts'
import { answer, engineOptions, modelSpec } from './parity-engine.ts'

/** Opens the engine over a cache folder; what it drew, and what it said about the cache. */
async function openAndAnswer(cacheFolder: string) {
  const said: string[] = []
  const spec = modelSpec('base', randomModel('llama-llama3'), 'int8')
  const engine = await openEngine([spec], engineOptions({ cacheFolder }), (message) => said.push(message))
  const term = { model: 'base', adapter: undefined, promptIds: [10, 20, 30], coefficient: 1 }
  const { draws } = await answer(engine, [term], { maxTokens: 12 })
  await engine.close()
  return { draws, said: said.join('\n') }
}

function corruptByte(file: string): void {
  const bytes = readFileSync(file)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = bytes[middle]! ^ 1
  writeFileSync(file, bytes)
}

const damages: Record<string, (entry: string) => void> = {
  'whose weights are cut off': (entry) => truncateSync(join(entry, 'weights.bin'), 1000),
  'whose weights are empty': (entry) => truncateSync(join(entry, 'weights.bin'), 0),
  'with one wrong bit in its weights': (entry) => corruptByte(join(entry, 'weights.bin')),
  'with one wrong bit in its graph': (entry) => corruptByte(join(entry, 'model.onnx')),
  'without its graph': (entry) => rmSync(join(entry, 'model.onnx')),
  'without a manifest': (entry) => rmSync(join(entry, 'manifest.json')),
  'with a manifest that was not written to its end': (entry) => truncateSync(join(entry, 'manifest.json'), 20),
  'with a manifest of something else': (entry) => writeFileSync(join(entry, 'manifest.json'), '{"files":[]}'),
}

describe('a prepared graph on disk is noticed and made again', () => {
  for (const [how, damage] of Object.entries(damages))
    test(how, async () => {
      const cache = join(temporaryFolder(), 'graphs')
      const first = await openAndAnswer(cache)
      assert.match(first.said, /preparing/)
      const entries = readdirSync(cache)
      assert.equal(entries.length, 1)
      damage(join(cache, entries[0]!))
      const second = await openAndAnswer(cache)
      assert.match(second.said, /damaged/)
      assert.deepEqual(second.draws, first.draws)
      assert.deepEqual(readdirSync(cache), entries)
      assert.equal((await openAndAnswer(cache)).said, '')
    })
})

test('what a killed process left half-written is not taken for a prepared graph', async () => {
  const cache = join(temporaryFolder(), 'graphs')
  mkdirSync(join(cache, 'draft-killed'), { recursive: true })
  writeFileSync(join(cache, 'draft-killed', 'weights.bin'), 'half')
  const first = await openAndAnswer(cache)
  assert.match(first.said, /preparing/)
  assert.equal((await openAndAnswer(cache)).said, '')
})

test('two engines that prepare the same graph at once both get it', async () => {
  const cache = join(temporaryFolder(), 'graphs')
  const [one, other] = await Promise.all([openAndAnswer(cache), openAndAnswer(cache)])
  assert.deepEqual(one.draws, other.draws)
  assert.equal(readdirSync(cache).length, 1)
})
