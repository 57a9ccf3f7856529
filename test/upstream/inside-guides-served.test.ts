import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { check } from '../../src/server/check.ts'
import { checkUpstreams } from '../../src/server/check-upstreams.ts'
import { tinyVocabularySize } from '../checkpoint/tiny-tokenizer.ts'
import { scrambledLaw } from './double-engine.ts'
import { openSteered, run, steeredConfig, steeredDouble, steeredFolder, steeredRequest } from './steered-engine.ts'

const guides = new Map([['small-arm', scrambledLaw('arm', tinyVocabularySize)]])
const { double, url } = await steeredDouble({ guides })
const tokenizer = join(steeredFolder, 'base')
const change = {
  models: {
    gpu: { upstream: 'engine', name: 'base', tokenizer },
    arm: { upstream: 'engine', name: 'small-arm', tokenizer, served: false },
    small: { path: join(steeredFolder, 'guide'), weights: 'fp32', served: false },
  },
  guides: { inside: { kind: 'genarm', model: 'arm' }, local: { kind: 'genarm', model: 'small' } },
  policies: {
    engine: { guides: [{ guide: 'inside', weight: 0.5 }] },
    blocks: { guides: [{ guide: 'local', weight: 0.5 }] },
    both: {
      guides: [
        { guide: 'inside', weight: 0.5 },
        { guide: 'local', weight: 0.5 },
      ],
    },
    drafted: { guides: [{ guide: 'inside', weight: 0.5 }], speculation: { block: 4 } },
    plain: { best_of: { n: 2, reward: 'brief' } },
  },
}
const engine = await openSteered(steeredConfig(url, change))
after(async () => {
  await engine.close()
  await double.close()
})

test('a model of the upstream that it has as a guide inside is found and used: one call, streamed, no drafts', async () => {
  double.calls.length = 0
  const { alignment, text, events } = await run(engine, steeredRequest({ guides: [{ guide: 'inside', weight: 0.7 }] }))
  assert.equal(double.calls.filter(({ path }) => path === '/v1/completions').length, 1)
  assert.equal(alignment!.speculation, undefined)
  assert.equal(alignment!.tokens.guide, 12)
  assert.ok(text.length > 0)
  assert.ok(events.filter(({ type }) => type === 'choice-delta').length > 3)
  const unguided = await run(engine, steeredRequest({}))
  assert.notEqual(text, unguided.text)
})

test('best-of-N and particles over it: what goes on names the guide too', async () => {
  double.calls.length = 0
  const particles = { n: 4, reward: 'brief', lambda: 100, resample_every: 1, ess_threshold: 1 }
  await run(engine, steeredRequest({ guides: [{ guide: 'inside', weight: 0.7 }], particles }))
  const bodies = double.calls.flatMap(({ path, body }) =>
    path === '/v1/completions' ? [body as { stream: boolean }] : [],
  )
  // a call for each particle, and one for each copy of one
  assert.ok(bodies.length > 4)
  assert.ok(bodies.every((body) => 'vllm_xargs' in body))
})

test('trimtab check says which way each policy takes', async () => {
  const lines = await checkUpstreams(steeredConfig(url, change))
  assert.ok(lines.some((line) => /guides inside the engine +small-arm$/.test(line)))
  assert.ok(lines.includes('  runs inside the engine, as a guide'))
  const ways = lines.flatMap((line) => /^policy (.*)$/.exec(line)?.[1] ?? [])
  assert.deepEqual(ways, [
    'engine over gpu: guided inside the engine',
    'blocks over gpu: guided by blocks',
    'both over gpu: REFUSED, guides inside the engine do not combine with others',
    'drafted over gpu: REFUSED, nothing is drafted with guides inside the engine',
    'plain over gpu: the engine draws alone',
  ])
})

test('trimtab check compares local guides with the bases of upstreams', async () => {
  assert.match(await check(steeredConfig(url, change), {}), /The configuration is valid/)
})

test('an alias to a guide that the engine does not have is told of, and refused when it is asked for', async () => {
  const foreign = await steeredDouble()
  const told: string[] = []
  const without = await openSteered(steeredConfig(foreign.url, change), (line) => told.push(line))
  assert.match(told.join('\n'), /arm: .*serves no model 'small-arm'/)
  await assert.rejects(
    () => run(without, steeredRequest({ guides: [{ guide: 'inside', weight: 0.7 }] })),
    /serves no model 'small-arm'/,
  )
  await without.close()
  await foreign.double.close()
})
