import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { openRewards } from '../../src/rm/open-rewards.ts'
import { rewardCatalogue } from '../../src/rm/reward-definition.ts'
import { rewardOptions } from '../../src/rm/reward-options.ts'
import { ApiProblem } from '../../src/server/api-problem.ts'
import { toEngineFailure } from '../../src/server/engine-failure.ts'
import type { RewardRequest } from '../../src/server/engine-messages.ts'
import { runReward } from '../../src/server/run-reward.ts'
import { type FakeUpstream, fakeUpstream, type Received, sayJson, saySilence } from '../upstream/fake-upstream.ts'
import { until } from '../upstream/settings.ts'
import { exchange, passingGateway, upstreamOf } from './passing-gateway.ts'
import { ToyEngine } from './toy-engine.ts'

/** Rules and a reward of plain text, judged as the engine process judges. */
const options = {
  short: { kind: 'length', unit: 'words', target: 0 },
  calls: { kind: 'regex', pattern: '"name":"get_weather"', score: 'match' },
}
const catalogue = rewardCatalogue(
  Object.fromEntries(Object.entries(options).map(([name, one]) => [name, rewardOptions.parse(one)])),
  () => assert.fail(),
)
const noScorer = { models: new Map(), tokenLogprobs: () => Promise.reject(new Error('no model')) }
const opened = await openRewards(catalogue, noScorer, {
  threads: 1,
  cacheFolder: '/nowhere',
  hub: { cacheFolder: '/nowhere' },
})
after(() => opened.close())
const plainText = {
  name: 'classifier',
  traits: { partial: true, range: undefined, relative: false },
  score: async (_question: unknown, answers: readonly { readonly text: string }[]) =>
    answers.map(({ text }) => ({ score: text.length, attributes: undefined, steps: undefined })),
}
const broken = { ...plainText, name: 'broken', score: () => Promise.reject(new Error('no such luck')) }
const rewards = new Map([...opened.rewards, ['classifier', plainText], ['broken', broken]])

class JudgingEngine extends ToyEngine {
  readonly asked: RewardRequest[] = []

  override async *judge(request: RewardRequest, signal = new AbortController().signal) {
    this.asked.push(request)
    // broken fails once there is something to judge
    if (request.responses.length === 0 && request.reward === 'broken')
      yield [await runReward(new Map([['broken', plainText]]), request, signal)]
    else
      yield [
        await runReward(rewards, request, signal).catch((error: unknown) => {
          const { kind, message, param } = toEngineFailure(error, 'messages')
          throw new ApiProblem(kind === 'unknown-model' ? 'model-not-found' : kind, message, { param })
        }),
      ]
  }
}

let gpu: FakeUpstream
let engine: JudgingEngine
let gateway: Awaited<ReturnType<typeof passingGateway>>

beforeEach(async () => {
  gpu = await fakeUpstream(sayWords)
  engine = new JudgingEngine()
  gateway = await passingGateway(
    {
      models: { chat: { upstream: 'gpu', name: 'org/chat' } },
      upstreams: { gpu: upstreamOf(gpu.url, { kind: 'openai' }) },
      policies: { brief: { best_of: { n: 3, reward: 'short' } } },
      aliases: { 'chat-brief': { model: 'chat', policy: 'brief' } },
      rewards: { short: options.short, calls: options.calls, classifier: options.short, broken: options.short },
    },
    { engine, rewards: [...rewards.keys()] },
  )
})

afterEach(async () => {
  await gateway.close()
  await gpu.close()
})

const says = ['one two three', 'one', 'one two']

/** Candidates come in any order: what they say depends on their seed, or on how many there were. */
function sayWords({ body }: Received, response: ServerResponse): void {
  const asked = JSON.parse(body.toString())
  const content = says[asked.seed === undefined ? gpu.received.length % 3 : asked.seed % 3]!
  sayChat({ role: 'assistant', content })(undefined as never, response)
}

const sayChat = (message: object, finish_reason = 'stop') =>
  sayJson(200, {
    id: 'chatcmpl-up',
    object: 'chat.completion',
    created: 5,
    model: 'org/chat',
    choices: [{ index: 0, message, finish_reason, logprobs: null }],
    usage: { prompt_tokens: 4, completion_tokens: 3, total_tokens: 7 },
    vendor_extra: { kept: true },
  })

async function ask(fields: object, path = '/v1/chat/completions', headers = {}) {
  const body = { model: 'chat', messages: [{ role: 'user', content: 'Hi' }], seed: 3, ...fields }
  const reply = await exchange(gateway.url, {
    path,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  const text = reply.body.toString()
  return { status: reply.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
}

const bestOf = (reward: unknown, more: object = {}) => ({ alignment: { best_of: { n: 3, reward, ...more } } })
const bodies = () => gpu.received.map(({ body }) => JSON.parse(body.toString()))

describe('best-of-N over whole replies of an upstream', () => {
  it('returns the best reply as the upstream gave it, and says how it was chosen', async () => {
    const { status, json } = await ask({ ...bestOf('short'), top_k: 7, unknown_field: [1] })
    assert.equal(status, 200)
    assert.equal(json.choices[0].message.content, 'one')
    assert.deepEqual([json.id, json.vendor_extra, json.usage.completion_tokens], ['chatcmpl-up', { kept: true }, 3])
    assert.deepEqual(json.alignment.tokens, { returned: 3, generated: 9, guide: 0, reward_calls: 3 })
    assert.deepEqual(
      json.alignment.candidates.map((one: { text: string; score: number; chosen: boolean }) => [
        one.text,
        one.score,
        one.chosen,
      ]),
      [
        ['one two three', -3, false],
        ['one', -1, true],
        ['one two', -2, false],
      ],
    )
    assert.deepEqual([json.alignment.method, json.alignment.seed, json.alignment.reward], ['best_of', 3, -1])
    for (const [i, body] of bodies().entries()) {
      const { seed, ...rest } = body
      assert.deepEqual(
        rest,
        { model: 'org/chat', messages: [{ role: 'user', content: 'Hi' }], top_k: 7, unknown_field: [1] },
        `${i}`,
      )
    }
    assert.deepEqual(
      bodies()
        .map(({ seed }) => seed)
        .sort(),
      [3, 4, 5],
    )
    assert.equal(gpu.received[0]!.headers.authorization, 'Bearer upstream-secret')
  })

  it('never gives two candidates one seed, at the end of the integers that JSON keeps exact neither', async () => {
    for (const seed of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, Number.MIN_SAFE_INTEGER]) {
      gpu.received.length = 0
      assert.equal((await ask({ ...bestOf('short'), seed })).status, 200)
      const seeds = bodies().map((body) => body.seed)
      assert.equal(new Set(seeds).size, 3, seeds.join())
      assert.ok(seeds.includes(seed) && seeds.every(Number.isSafeInteger), seeds.join())
    }
  })

  it('streams the chosen reply once it is known', async () => {
    const { text } = await ask({ ...bestOf('short'), stream: true, stream_options: { include_usage: true } })
    const frames = text
      .split('\n\n')
      .filter((one) => one.startsWith('data: '))
      .map((one) => one.slice(6))
    assert.equal(frames.pop(), '[DONE]')
    const [said, end, usage] = frames.map((one) => JSON.parse(one))
    assert.deepEqual(said.choices[0].delta, { role: 'assistant', content: 'one' })
    assert.deepEqual(
      [said.object, end.choices[0].finish_reason, end.alignment.reward],
      ['chat.completion.chunk', 'stop', -1],
    )
    assert.deepEqual([usage.choices, usage.usage.completion_tokens], [[], 3])
    assert.ok(bodies().every((body) => !('stream' in body) && !('stream_options' in body)))
  })

  it('works for text completions, by alias, by header, and by vote without a reward', async () => {
    gpu.answer = sayJson(200, { id: 'cmpl', choices: [{ index: 0, text: ' The answer is 4.', finish_reason: 'stop' }] })
    const voted = await ask(
      { prompt: '2 + 2?', messages: undefined, alignment: { best_of: { n: 3, select: 'vote' } } },
      '/v1/completions',
    )
    assert.equal(voted.json.choices[0].text, ' The answer is 4.')
    assert.deepEqual([engine.asked.length, voted.json.alignment.candidates[0].answer], [0, '4'])
    gpu.answer = sayWords
    assert.equal((await ask({ model: 'chat-brief' })).json.choices[0].message.content, 'one')
    const header = { 'x-trimtab-alignment': 'brief' }
    assert.equal((await ask({}, undefined, header)).json.choices[0].message.content, 'one')
  })
})

const weather = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Ulm"}' } }
const tools = [{ type: 'function', function: { name: 'get_weather', parameters: {} } }]
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
const looking = [{ role: 'user', content: [{ type: 'text', text: 'What is this?' }, image] }]

describe('tools and images', () => {
  it('tool calls are kept, and judged as JSON by rewards that can', async () => {
    gpu.answer = (request, response) => {
      const called = JSON.parse(request.body.toString()).seed === 4
      const message = called
        ? { role: 'assistant', content: null, tool_calls: [weather] }
        : { role: 'assistant', content: 'I do not know.' }
      return sayChat(message, called ? 'tool_calls' : 'stop')(request, response)
    }
    const { json } = await ask({ ...bestOf('calls'), tools })
    assert.deepEqual(json.choices[0].message.tool_calls, [weather])
    assert.equal(json.choices[0].finish_reason, 'tool_calls')
    assert.ok(bodies().every((body) => body.tools.length === 1))
    const streamed = await ask({ ...bestOf('calls'), tools, stream: true })
    assert.match(streamed.text, /"tool_calls":\[\{"index":0,"id":"call_1"/)
  })

  it('images are passed on, and judged by what looks at the answer alone', async () => {
    const { status } = await ask({ ...bestOf('short'), messages: looking })
    assert.equal(status, 200)
    assert.ok(bodies().every((body) => body.messages[0].content[1].image_url.url === image.image_url.url))
    assert.deepEqual(engine.asked.at(-1)!.question.media, [image])
  })

  for (const [what, fields] of [
    ['tools', { tools }],
    ['images', { messages: looking }],
  ] as const)
    it(`a reward of plain text refuses ${what} before anything is generated`, async () => {
      const { status, json } = await ask({ ...bestOf('classifier'), ...fields })
      assert.deepEqual([status, json.error.param], [400, 'alignment.best_of.reward'])
      assert.match(json.error.message, /'classifier' reads plain text/)
      assert.equal(gpu.received.length, 0)
    })

  it('tools that may not be called are no matter', async () => {
    assert.equal((await ask({ ...bestOf('classifier'), tools, tool_choice: 'none' })).status, 200)
  })
})

describe('what cannot be', () => {
  for (const [what, alignment, param] of [
    ['particles', { best_of: { n: 2, reward: 'short' }, particles: { n: 4, reward: 'short' } }, 'alignment.particles'],
    ['guides', { best_of: { n: 2, reward: 'short' }, guides: [{ principle: 'Be kind.' }] }, 'alignment.guides'],
    ['pruning', { best_of: { n: 2, reward: 'short', prune: { at: [4] } } }, 'alignment.best_of.prune'],
    ['a choice without a reward', { best_of: { n: 2 } }, 'alignment.best_of.reward'],
    ['nothing to choose', { guides: [{ principle: 'Be kind.' }] }, 'alignment'],
  ] as const)
    it(`${what} is refused with the remedy`, async () => {
      const { status, json } = await ask({ alignment })
      assert.deepEqual([status, json.error.param], [400, param])
      assert.match(json.error.message, /tokenizer/)
      assert.equal(gpu.received.length, 0)
    })

  for (const [fields, param] of [
    [{ n: 2, ...bestOf('short') }, 'n'],
    [{ temperature: 0, ...bestOf('short') }, 'temperature'],
    [{ messages: [], ...bestOf('short') }, 'messages'],
    [bestOf('nobody'), 'alignment.best_of.reward'],
    [bestOf('short', { m: 2 }), 'alignment.best_of.m'],
  ] as const)
    it(`${param} is named: ${JSON.stringify(fields)}`, async () => {
      const { status, json } = await ask(fields)
      assert.deepEqual([status, json.error.param], [400, param])
      assert.equal(gpu.received.length, 0)
    })
})

describe('faults', () => {
  it('one failed candidate fails the request, and the others are left', async () => {
    gpu.answer = (request, response) =>
      JSON.parse(request.body.toString()).seed === 4
        ? sayJson(500, {})(request, response)
        : saySilence(request, response)
    const { status, json } = await ask(bestOf('short'))
    assert.deepEqual([status, json.error.code], [502, 'upstream_broken'])
    await until(() => gpu.open === 0)
  })

  for (const [what, status, code, answer] of [
    ['a refusal', 400, null, sayJson(400, { error: { message: 'no such thing as top_k' } })],
    ['too many requests', 503, 'upstream_unavailable', sayJson(429, {}, { 'retry-after': '7' })],
    ['another shape', 502, 'upstream_broken', sayJson(200, { choices: [] })],
    [
      'two choices',
      502,
      'upstream_broken',
      sayJson(200, { choices: [1, 2].map((index) => ({ index, message: { content: 'a' } })) }),
    ],
  ] as const)
    it(`${what} is told as ${status}`, async () => {
      gpu.answer = answer
      const { status: told, json } = await ask(bestOf('short'))
      assert.deepEqual([told, json.error.code], [status, code])
      if (status === 400) assert.match(json.error.message, /no such thing as top_k/)
    })

  it('a reward that fails fails the request, or is done without where that was declared', async () => {
    const failed = await ask(bestOf('broken'))
    assert.deepEqual([failed.status, failed.json.error.code], [500, 'reward_failed'])
    assert.match(failed.json.error.message, /^The reward 'broken' failed: no such luck/)
    const { status, json } = await ask({
      alignment: { best_of: { n: 3, reward: 'broken' }, on_reward_error: 'continue' },
    })
    assert.equal(status, 200)
    assert.match(json.alignment.degraded, /no such luck/)
    assert.equal(json.alignment.candidates[0].chosen, true)
  })

  it('a client that leaves ends all calls', async () => {
    gpu.answer = saySilence
    const gone = new AbortController()
    const asked = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hi' }], ...bestOf('short') }),
      signal: gone.signal,
    })
    await until(() => gpu.received.length === 3)
    gone.abort()
    await assert.rejects(asked)
    await until(() => gpu.open === 0)
  })
})
