import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkUpstreams } from '../../src/server/check-upstreams.ts'
import { openSteered, run, steeredConfig, steeredDouble, steeredRequest } from './steered-engine.ts'

const { double, options, url } = await steeredDouble()
const engine = await openSteered(steeredConfig(url))
after(async () => {
  await engine.close()
  await double.close()
})

async function assertQuiet(): Promise<void> {
  for (let wait = 0; double.running > 0 && wait < 200; wait++) await sleep(5)
  assert.equal(double.running, 0)
  assert.equal(engine.stats().blocks.live, 0)
}

const guides = {
  'a local guide': [{ guide: 'local', weight: 0.6 }],
  'an adapter of the upstream': [{ guide: 'adapter', weight: 0.6 }],
  'a principle': [{ principle: 'Be brief.', weight: 1.2 }],
  'all of them': [
    { guide: 'local', weight: 0.3 },
    { guide: 'adapter', weight: 0.3 },
    { principle: 'Be brief.', weight: 0.5 },
  ],
}

for (const [title, entries] of Object.entries(guides))
  test(`${title}: a guided answer with a report of what it took`, async () => {
    const alignment = { guides: entries, speculation: { block: 4 } }
    const { text, alignment: report } = await run(engine, steeredRequest(alignment))
    const { speculation, tokens } = report!
    assert.ok(text.length > 0)
    assert.equal(tokens.returned, 12)
    assert.ok(speculation!.rounds >= 3 && speculation!.rounds <= 12, `${speculation!.rounds} rounds`)
    assert.ok(speculation!.acceptance > 0 && speculation!.acceptance <= 1)
    assert.ok(speculation!.truncationMost > 0 && speculation!.truncationMost <= 1)
    assert.equal(tokens.guide, speculation!.drafted * (title === 'all of them' ? 3 : 1))
    // the same seed, the same answer
    assert.equal((await run(engine, steeredRequest(alignment))).text, text)
    await assertQuiet()
  })

test('a trace tells what base and guide said of every token', async () => {
  const alignment = { guides: [{ guide: 'local', weight: 0.6 }], trace: true, speculation: { block: 3 } }
  const { alignment: report } = await run(engine, steeredRequest(alignment, { trace: true }))
  const [tokens] = report!.trace!.choices
  assert.equal(tokens!.length, 12)
  for (const { baseLogprob, guides } of tokens!) assert.ok(baseLogprob < 0 && guides['local']! < 0)
})

test('best-of-N, with pruning, without and with guides', async () => {
  for (const guides of [[], [{ guide: 'adapter', weight: 0.5 }]]) {
    const best_of = { n: 4, reward: 'brief', prune: { keep: 0.5, at: [4] } }
    const { alignment } = await run(engine, steeredRequest({ guides, best_of, speculation: { block: 4 } }))
    const { candidates } = alignment!.outcomes![0]!
    assert.equal(candidates!.length, 4)
    assert.ok(new Set(candidates!.map(({ text }) => text)).size > 1, 'candidates share a random stream')
    assert.equal(candidates!.filter(({ prunedAt }) => prunedAt !== undefined).length, 2)
    await assertQuiet()
  }
})

test('particles, resampled at every checkpoint, without and with guides', async () => {
  for (const guides of [[], [{ guide: 'local', weight: 0.5 }]]) {
    const particles = { n: 4, reward: 'brief', lambda: 1, resample_every: 3, ess_threshold: 1 }
    const { alignment } = await run(engine, steeredRequest({ guides, particles, speculation: { block: 4 } }))
    const { steps } = alignment!.outcomes![0]!.particles!
    assert.ok(steps.length >= 3)
    assert.ok(steps.every(({ rewards }) => rewards?.length === 4))
    await assertQuiet()
  }
})

test('what only the other kind of engine can do is refused, and so is what none can', async () => {
  const guided = { guides: [{ guide: 'local', weight: 0.6 }] }
  await assert.rejects(() => run(engine, { ...steeredRequest({ speculation: { block: 4 } }), model: 'small' }), {
    param: 'alignment.speculation',
  })
  await assert.rejects(
    () => run(engine, steeredRequest({ ...guided, speculation: { exact: true } })),
    /--max-logprobs -1/,
  )
  await assert.rejects(() => run(engine, steeredRequest(guided, { repetitionPenalty: 1.1 })), {
    param: 'repetition_penalty',
  })
})

test('a client that leaves leaves no call behind', async () => {
  double.eventMs = 20
  const gone = new AbortController()
  const request = steeredRequest({ best_of: { n: 3, reward: 'brief' } })
  const running = run(engine, request, gone.signal)
  while (double.running < 3) await sleep(2)
  gone.abort(new Error('client gone'))
  await assert.rejects(running, /client gone/)
  double.eventMs = 0
  await assertQuiet()
})

test('an alias whose policy its upstream cannot keep is refused when it is loaded', async () => {
  const change = {
    policies: { exact: { guides: [{ guide: 'local', weight: 1 }], speculation: { exact: true } } },
    aliases: { precise: { model: 'gpu', policy: 'exact' } },
  }
  await assert.rejects(() => openSteered(steeredConfig(url, change)), /alias 'precise'.*--max-logprobs -1/)
})

test('an engine that is down at the start is told of, and steered once it is up', async () => {
  const calls: string[] = []
  double.fault = () => ({ kind: 'reply', reply: { status: 503, json: { error: { message: 'loading' } } } })
  const late = await openSteered(steeredConfig(url), (message) => calls.push(message))
  assert.ok(
    calls.some((message) => /gpu: .*engine/.test(message)),
    calls.join('\n'),
  )
  await assert.rejects(() => run(late, steeredRequest({})), { name: 'UpstreamError' })
  double.fault = undefined
  assert.ok((await run(late, steeredRequest({}))).text.length > 0)
  await late.close()
})

test('an engine with another vocabulary is no base, whatever its model is called', async () => {
  const other = { ...options, encode: (one: string) => [...options.encode(one)].reverse() }
  const foreign = await steeredDouble(other)
  const told: string[] = []
  const mistaken = await openSteered(steeredConfig(foreign.url), (message) => told.push(message))
  await assert.rejects(() => run(mistaken, steeredRequest({})), /cannot be steered: it tokenises/)
  await mistaken.close()
  await foreign.double.close()
})

test('trimtab check prints what the engine allows, and whether its model can be steered', async () => {
  const lines = (await checkUpstreams(steeredConfig(url))).join('\n')
  assert.match(lines, /log-probabilities per token +at most 64\n/)
  assert.match(lines, /log-probabilities are +raw/)
  assert.match(lines, /can be steered: yes/)
  const foreign = await steeredDouble({ encode: (one) => [...options.encode(one)].reverse() })
  assert.match((await checkUpstreams(steeredConfig(foreign.url))).join('\n'), /can be steered: NO, it tokenises/)
  await foreign.double.close()
})
