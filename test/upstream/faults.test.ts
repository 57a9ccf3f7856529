import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { toEngineFailure } from '../../src/server/engine-failure.ts'
import type { DoubleCall, DoubleFault } from './engine-double.ts'
import { openSteered, run, steeredConfig, steeredDouble, steeredRequest } from './steered-engine.ts'
import { vllmRoutes } from './vllm-double.ts'

const { double, engine: served, options, url } = await steeredDouble()
const deadlines = { first_byte_seconds: 0.4, idle_seconds: 0.4 }
const upstreams = {
  engine: {
    kind: 'vllm',
    urls: [url],
    health: { every_seconds: 0 },
    breaker: { failures: 1000 },
    retries: { attempts: 0 },
    deadlines,
  },
}
const engine = await openSteered(steeredConfig(url, { upstreams }))
after(async () => {
  await engine.close()
  await double.close()
})
afterEach(async () => {
  double.fault = undefined
  // whatever went wrong, no call is left running and nothing of the own engine is held
  for (let wait = 0; double.running > 0 && wait < 400; wait++) await sleep(5)
  assert.equal(double.running, 0)
  assert.equal(engine.stats().blocks.live, 0)
})

const guided = {
  guides: [
    { guide: 'adapter', weight: 0.5 },
    { guide: 'local', weight: 0.4 },
  ],
  speculation: { block: 3 },
}
const plain = { best_of: { n: 2, reward: 'brief' } }

const isDraft = ({ path, body }: DoubleCall) =>
  path === '/v1/completions' && (body as { model: string }).model === 'base'
const isReading = ({ path, body }: DoubleCall) =>
  path === '/v1/completions' && (body as { model: string }).model === 'lora'

/** What the client is told when the second of the calls that `which` picks goes wrong. */
async function failureOf(alignment: unknown, fault: DoubleFault, which = isDraft) {
  let seen = 0
  double.fault = (call) => (which(call) && ++seen === 2 ? fault : undefined)
  const error = await run(engine, steeredRequest(alignment)).then(
    () => assert.fail('nothing went wrong'),
    (reason: unknown) => reason,
  )
  return toEngineFailure(error, 'messages')
}

/** The reply with every choice changed. */
function choices(change: (choice: Record<string, unknown>) => object): DoubleFault {
  return {
    kind: 'change',
    change: (json) => {
      const reply = json as { choices: Record<string, unknown>[] }
      return { ...reply, choices: reply.choices.map((choice) => ({ ...choice, ...change(choice) })) }
    },
  }
}

const logprobsOf = (choice: Record<string, unknown>) =>
  choice['logprobs'] as { tokens: string[]; token_logprobs: number[]; top_logprobs: Record<string, number>[] }

const reply = (status: number, headers: Record<string, string> = {}): DoubleFault => ({
  kind: 'reply',
  reply: { status, headers, json: { error: { message: 'out of memory', type: 'x', param: null, code: status } } },
})

const broken: readonly (readonly [string, DoubleFault, RegExp])[] = [
  ['a 500', reply(500), /500/],
  ['a 400 to a call of ours', reply(400), /400/],
  ['a reply that is no JSON', { kind: 'garbage' }, /JSON/],
  ['a body that is cut off', { kind: 'cut', after: 40 }, /cut|ended|closed|broke/],
  ['no token ids', choices(() => ({ token_ids: null })), /no token ids/],
  ['no log-probabilities', choices(() => ({ logprobs: null })), /no log-probabilities/],
  [
    'fewer alternatives than asked for',
    choices((choice) => {
      const { top_logprobs, ...rest } = logprobsOf(choice)
      const fewer = top_logprobs.map((entries) => Object.fromEntries(Object.entries(entries).slice(0, 3)))
      return { logprobs: { ...rest, top_logprobs: fewer } }
    }),
    /instead of 64/,
  ],
  [
    'fewer log-probabilities than tokens',
    choices((choice) => {
      const { token_logprobs, ...rest } = logprobsOf(choice)
      return { logprobs: { ...rest, token_logprobs: token_logprobs.slice(1) } }
    }),
    /2 log-probabilities for 3 tokens/,
  ],
  [
    'log-probabilities of other tokens',
    choices((choice) => ({ logprobs: { ...logprobsOf(choice), tokens: ['token_id:1', 'token_id:1', 'token_id:1'] } })),
    /log-probabilities of 'token_id:1' for token/,
  ],
  [
    'tokens by their text',
    choices((choice) => {
      const { top_logprobs, ...rest } = logprobsOf(choice)
      return { logprobs: { ...rest, top_logprobs: top_logprobs.map(() => ({ the: -1 })) } }
    }),
    /named a token 'the'/,
  ],
  ['an end where there is none', choices(() => ({ finish_reason: 'stop' })), /ended a draft at token/],
  [
    'an answer for another model',
    { kind: 'change', change: (json) => ({ ...(json as object), model: 'other' }) },
    /model 'other'/,
  ],
  ['no choices', { kind: 'change', change: (json) => ({ ...(json as object), choices: [] }) }, /0 drafts/],
]

for (const [title, fault, message] of broken)
  test(`a draft with ${title} fails the request as the upstream's fault`, async () => {
    const failure = await failureOf(guided, fault)
    assert.equal(failure.kind, 'upstream-broken')
    assert.match(failure.message, message)
    assert.doesNotMatch(failure.message, /127\.0\.0\.1/)
  })

test('a guide that cannot be read fails the request, drafts and other guides included', async () => {
  assert.equal((await failureOf(guided, reply(500), isReading)).kind, 'upstream-broken')
  const positions = { kind: 'change', change: (json: unknown) => ({ ...(json as object), choices: [] }) } as const
  assert.match((await failureOf(guided, positions, isReading)).message, /read 0 positions of a block of/)
})

test('an engine that is busy or loading is unavailable, with its own word on when to come back', async () => {
  const busy = await failureOf(guided, reply(429, { 'retry-after': '7' }))
  assert.deepEqual([busy.kind, busy.retryAfter], ['upstream-unavailable', 7])
  assert.equal((await failureOf(guided, reply(503))).kind, 'upstream-unavailable')
})

test('an engine that says nothing is given up at its deadline', async () => {
  assert.equal((await failureOf(guided, { kind: 'silence' })).kind, 'upstream-timeout')
})

test('a stream that is cut off fails the request, and the other candidates stop', async () => {
  for (const after of [0, 900]) {
    const failure = await failureOf(plain, { kind: 'cut', after })
    assert.ok(['upstream-broken', 'upstream-unreachable'].includes(failure.kind), failure.kind)
  }
})

test('after a failure another checkpoint under the same name is found out before anything is drawn from it', async () => {
  await failureOf(guided, reply(500))
  const reversed = (text: string) => [...options.encode(text)].reverse()
  double.routes = vllmRoutes(served, { ...options, root: '/models/another', encode: reversed })
  double.fault = undefined
  await assert.rejects(() => run(engine, steeredRequest(guided)), /cannot be steered: it tokenises/)
  double.routes = vllmRoutes(served, options)
  assert.ok((await run(engine, steeredRequest(guided))).text.length > 0)
})

test('another checkpoint with the same tokenizer is steered with what its engine allows', async () => {
  await failureOf(guided, reply(500))
  double.routes = vllmRoutes(served, { ...options, root: '/models/newer', maxLogprobs: 10 })
  double.fault = undefined
  double.calls.length = 0
  assert.ok((await run(engine, steeredRequest(guided))).text.length > 0)
  const drafts = double.calls.filter(isDraft).map(({ body }) => body as { max_tokens: number; logprobs?: number })
  assert.equal(drafts.at(-1)!.logprobs, 10)
  double.routes = vllmRoutes(served, options)
})
