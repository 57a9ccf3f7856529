import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { GraphBuilder } from '../../src/decoding/graph/graph-builder.ts'
import { tailChunk, writeMixture } from '../../src/decoding/graph/mixture.ts'
import { OnnxSession } from '../../src/decoding/local/onnx-session.ts'
import { mixtureFeeds } from '../../src/decoding/local/step-feeds.ts'
import { uniform } from '../../src/decoding/rng.ts'
import { drawFromTail } from '../../src/decoding/tail-draw.ts'
import { headCount } from '../../src/decoding/top-logits.ts'

const vocabSize = 3 * tailChunk + 9
const points = 40_000

/** The mixture's graph alone, over one row of logits that every uniform number is drawn from. */
async function drawAll(logits: Float32Array, draws: Float32Array) {
  const folder = await mkdtemp(join(tmpdir(), 'trimtab-tail-'))
  const graph = new GraphBuilder(folder)
  // the hidden state is the logits, the output matrix the identity
  writeMixture(graph, graph.input('states', 'float32', ['rows', vocabSize]), vocabSize, (sums) => sums)
  await graph.finish()
  const session = await OnnxSession.open(join(folder, 'model.onnx'), 1)
  const mixture = {
    own: new Float32Array(draws.length).fill(1),
    guides: new Float32Array(draws.length),
    guideLogits: new Float32Array(vocabSize),
    guideRows: 1,
    count: draws.length,
    draws,
  }
  const feeds = mixtureFeeds(mixture, 1, false, vocabSize)
  feeds.set('states', { data: logits, dims: [1, vocabSize] })
  const result = await session.run(feeds, ['top_ids', 'tail_chunk', 'tail_probs', 'tail_before'])
  await session.close()
  await rm(folder, { recursive: true })
  return result as Record<string, Float32Array>
}

test('an even sweep of uniform numbers beyond the most likely tokens draws every other token by its probability', async () => {
  const logits = Float32Array.from({ length: vocabSize }, (_, v) => (v % 7 === 3 ? -Infinity : 3 * uniform(5n, v)))
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!)
  const head = new Set(order.slice(0, headCount))
  const headMass = [...head].reduce((sum, id) => sum + Math.exp(logits[id]!) / total, 0)
  const draws = Float32Array.from({ length: points }, (_, i) => headMass + ((i + 0.5) / points) * (1 - headMass))

  const result = await drawAll(logits, draws)

  const counts = new Float64Array(vocabSize)
  for (const [i, u] of draws.entries()) {
    const chunk = {
      firstId: result['tail_chunk']![i]! * tailChunk,
      probs: result['tail_probs']!.subarray(i * tailChunk, (i + 1) * tailChunk),
      before: result['tail_before']![i]!,
    }
    const draw = drawFromTail(chunk, headMass, u)!
    counts[draw.id]!++
    assert.ok(Math.abs(draw.logprob - Math.log(Math.exp(logits[draw.id]!) / total)) < 1e-5)
  }
  for (const [id, count] of counts.entries()) {
    const expected = head.has(id) ? 0 : (points * Math.exp(logits[id]!)) / total / (1 - headMass)
    assert.ok(Math.abs(count - expected) <= 2, `token ${id}: ${count} draws, ${expected} expected`)
  }
})

test('a chunk without any possible token decides nothing', () => {
  assert.equal(drawFromTail({ firstId: 0, probs: new Float32Array(tailChunk), before: 0.5 }, 0.4, 0.95), undefined)
})
