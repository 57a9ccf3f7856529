import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import { Caller, LimitProblem } from '../../src/server/keys/caller.ts'
import { demandOf } from '../../src/server/keys/demand.ts'
import { describeKey } from '../../src/server/keys/describe-key.ts'
import { type KeyConfig, keyConfig } from '../../src/server/keys/key-config.ts'
import { hashKey, newKey } from '../../src/server/keys/key-hash.ts'
import { KeyRing } from '../../src/server/keys/key-ring.ts'
import { passedAsks } from '../../src/server/keys/passed-asks.ts'
import { duration } from '../../src/server/keys/rate-headers.ts'
import { TokenBucket } from '../../src/server/keys/token-bucket.ts'
import { Load } from '../../src/server/load.ts'
import { UsageTail } from '../../src/server/passed-usage.ts'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const key = newKey()

function gatewayWith(limits: object = {}, now: () => number = () => 0) {
  const config: KeyConfig = keyConfig.parse({ hash: hashKey(key), ...limits })
  return toyGateway({ keys: new KeyRing({ team: config }, undefined, now) })
}

const bearing = (secret: string): RequestInit => ({
  headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
})

async function told(response: Response) {
  const { error } = await jsonOf(response)
  return [response.status, error.code, error.param]
}

describe('a bucket', () => {
  it('refills evenly and never beyond its limit', () => {
    let now = 0
    const bucket = new TokenBucket(60, () => now)
    assert.equal(bucket.take(60), 0)
    assert.equal(bucket.take(1), 1000)
    now = 999
    assert.equal(bucket.take(1), 1)
    now = 1000
    assert.equal(bucket.take(1), 0)
    now = 10_000_000
    assert.deepEqual(bucket.state, { limit: 60, remaining: 60, resetMs: 0 })
  })

  it('that owes lets nothing through until the debt is paid', () => {
    let now = 0
    const bucket = new TokenBucket(60, () => now)
    bucket.give(-90)
    assert.deepEqual(bucket.state, { limit: 60, remaining: 0, resetMs: 90_000 })
    assert.equal(bucket.take(1), 31_000)
    now = 31_000
    assert.equal(bucket.take(1), 0)
  })

  it('gives out no more in any time than its limit and what flowed in', () => {
    const takes = fc.array(fc.tuple(fc.integer({ min: 0, max: 30_000 }), fc.integer({ min: 1, max: 20 })))
    fc.assert(
      fc.property(takes, (steps) => {
        let now = 0
        let taken = 0
        const bucket = new TokenBucket(20, () => now)
        for (const [wait, amount] of steps) {
          now += wait
          if (bucket.take(amount) === 0) taken += amount
        }
        assert.ok(taken <= 20 + (now / 60_000) * 20 + 1e-6)
      }),
    )
  })

  it('tells times as OpenAI does', () => {
    assert.deepEqual([12, 999.5, 1000, 59_001, 60_000, 360_000].map(duration), [
      '12ms',
      '1000ms',
      '1s',
      '1m0s',
      '1m0s',
      '6m0s',
    ])
  })
})

describe('keys', () => {
  it('without any, everybody is let in; with some, only who has one', async () => {
    assert.equal((await toyGateway().chat()).status, 200)
    const { chat, app, ended } = gatewayWith()
    const missing = await chat()
    assert.equal(missing.headers.get('www-authenticate'), 'Bearer')
    assert.deepEqual(await told(missing), [401, 'invalid_api_key', 'Authorization'])
    assert.deepEqual(await told(await chat({}, bearing(`${key}x`))), [401, 'invalid_api_key', 'Authorization'])
    assert.deepEqual(await told(await chat({}, bearing(hashKey(key)))), [401, 'invalid_api_key', 'Authorization'])
    const wrong = await app.request('/v1/models', { headers: { 'x-api-key': 'wrong' } })
    assert.deepEqual(await told(wrong), [401, 'invalid_api_key', 'x-api-key'])
    assert.equal((await chat({}, bearing(key))).status, 200)
    assert.equal(ended.at(-1)?.[0].key, 'team')
    assert.equal((await app.request('/v1/models', { headers: { 'x-api-key': key } })).status, 200)
    assert.equal((await app.request('/v1/models', { headers: { 'api-key': key } })).status, 200)
    assert.equal((await app.request('/v1/models')).status, 401)
    assert.equal((await app.request('/v1/no-such-route')).status, 401)
    for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
      assert.equal((await app.request(path)).status, 200, path)
  })

  it('expire at the given moment', () => {
    const config = keyConfig.parse({ hash: hashKey(key), expires: '2027-01-01' })
    const ring = new KeyRing({ team: config })
    const header = (name: string) => (name === 'authorization' ? `Bearer ${key}` : undefined)
    assert.equal(ring.identify(header, Date.parse('2026-12-31T23:59:59Z'))?.name, 'team')
    assert.throws(() => ring.identify(header, Date.parse('2027-01-01T00:00:00Z')), /expired on 2027-01-01/)
  })

  it('may be two of one name, while one replaces the other', () => {
    const second = newKey()
    const ring = new KeyRing({ team: keyConfig.parse({ hash: [hashKey(key), hashKey(second)] }) })
    for (const one of [key, second])
      assert.equal(ring.identify((name) => (name === 'x-api-key' ? one : undefined))?.name, 'team')
  })

  it('are made by `trimtab key`, and too short ones refused', () => {
    const text = describeKey('team-a')
    const made = /shown this once: (\S+)/.exec(text)![1]!
    const yaml = parse(text.slice(text.indexOf('keys:')))
    assert.equal(yaml.keys['team-a'].hash, hashKey(made))
    assert.doesNotMatch(describeKey('team-a', key), new RegExp(key))
    assert.throws(() => describeKey('team-a', 'hunter2'), /can be guessed/)
  })
})

describe('what a key may do', () => {
  it('models, policies, choices, guides: a 403 that says what is allowed', async () => {
    const guide = { guide: 'positive', weight: 1 }
    const { chat, app } = gatewayWith({ models: ['tiny'], policies: ['friendly'], max_n: 2, max_guides: 1 })
    const ask = async (fields: object) => await told(await chat(fields, bearing(key)))
    assert.deepEqual(await ask({ model: 'tiny-friendly' }), [403, 'not_allowed_for_key', 'model'])
    assert.deepEqual(await ask({ alignment: { guides: [guide] } }), [403, 'not_allowed_for_key', 'alignment'])
    const overridden = { alignment: { policy: 'friendly', guides: [guide] } }
    assert.deepEqual(await ask(overridden), [403, 'not_allowed_for_key', 'alignment'])
    assert.deepEqual(await ask({ n: 3 }), [403, 'not_allowed_for_key', 'n'])
    assert.equal((await chat({ alignment: { policy: 'friendly', trace: true }, n: 2 }, bearing(key))).status, 200)
    const list = await jsonOf(await app.request('/v1/models', bearing(key)))
    assert.deepEqual(
      list.data.map(({ id }: { id: string }) => id),
      ['tiny'],
    )
    const free = gatewayWith({ max_guides: 1 })
    const two = await free.chat({ alignment: { guides: [guide, guide] } }, bearing(key))
    assert.deepEqual(await told(two), [403, 'not_allowed_for_key', 'alignment.guides'])
  })

  it('so many requests a minute, and the headers tell how many are left', async () => {
    let now = 0
    const { chat, metrics } = gatewayWith({ requests_per_minute: 2 }, () => now)
    const first = await chat({}, bearing(key))
    assert.equal(first.headers.get('x-ratelimit-limit-requests'), '2')
    assert.equal(first.headers.get('x-ratelimit-remaining-requests'), '1')
    assert.equal(first.headers.get('x-ratelimit-reset-requests'), '30s')
    await chat({}, bearing(key))
    const third = await chat({}, bearing(key))
    assert.equal(third.headers.get('retry-after'), '30')
    assert.equal(third.headers.get('x-ratelimit-remaining-requests'), '0')
    assert.deepEqual(await told(third), [429, 'rate_limit_exceeded', null])
    assert.match(await metrics.registry.metrics(), /trimtab_rejected_total\{reason="requests"\} 1/)
    now = 30_000
    assert.equal((await chat({}, bearing(key))).status, 200)
  })

  it('so many tokens a minute: reserved by what is asked for, settled by what came', async () => {
    const { chat } = gatewayWith({ tokens_per_minute: 100 })
    const first = await chat({ max_tokens: 60 }, bearing(key))
    // 1 token of prompt, by its length, and 60
    assert.equal(first.headers.get('x-ratelimit-remaining-tokens'), '39')
    await first.text()
    // the toy says that 5 and 3 were used
    const second = await chat({ max_tokens: 91 }, bearing(key))
    assert.equal(second.status, 200)
    const refused = await chat({ max_tokens: 90 }, bearing(key))
    assert.equal(refused.status, 429)
    assert.match((await jsonOf(refused)).error.message, /100 tokens per minute/)
  })
})

describe('concurrent cost', () => {
  const demand = { model: 'tiny', policies: [], choices: 1, guides: 0, cost: 8, tokens: 10 }

  it('is taken while a request runs and given back when it is over', () => {
    const caller = new Caller('team', keyConfig.parse({ hash: hashKey(key), concurrent_cost: 16 }))
    const first = caller.admit(demand)
    caller.admit(demand)
    assert.throws(() => caller.admit({ ...demand, cost: 1 }), LimitProblem)
    first.release(10)
    caller.admit({ ...demand, cost: 8 })
    assert.throws(() => caller.admit({ ...demand, cost: 17 }), /your key may hold 16/)
  })

  it('a request that is refused for its tokens takes no place', () => {
    const caller = new Caller(
      'team',
      keyConfig.parse({ hash: hashKey(key), concurrent_cost: 8, tokens_per_minute: 15 }),
      () => 0,
    )
    caller.admit(demand).release(10)
    assert.throws(() => caller.admit(demand), LimitProblem)
    assert.doesNotThrow(() => caller.admit({ ...demand, tokens: 1 }))
  })

  it('counts particles, trial completions, candidates, prefixes of searches and choices', () => {
    const costOf = (alignment: object, n = 1) =>
      demandOf(
        {
          model: 'tiny',
          prompts: [{ type: 'text', text: 'x'.repeat(40) }],
          n,
          sampling: { maxTokens: 10 } as Parameters<typeof demandOf>[0]['sampling'],
          defaultMaxTokens: 64,
          alignment: alignmentOptions.parse(alignment),
        },
        { model: 'tiny', policies: [] },
      )
    assert.equal(costOf({}, 3).cost, 3)
    assert.equal(costOf({ particles: { n: 8 } }).cost, 8)
    assert.equal(costOf({ particles: { n: 8 } }).tokens, 10 + 8 * 10)
    assert.equal(costOf({ particles: { n: 4, intermediate: 'completions', completions: 2 } }).cost, 12)
    assert.equal(costOf({ particles: { n: 4 }, best_of: { n: 3 } }, 2).cost, 24)
    assert.equal(costOf({ search: { method: 'beam', width: 2, branch: 3, reward: 'length' } }).cost, 6)
    assert.equal(costOf({ preferences: { a: 1, b: 1 }, guides: [{ guide: 'c', weight: 1 }] }).guides, 3)
  })
})

describe('the load of a server', () => {
  it('is bounded over all requests; one that is larger than the bound runs alone', () => {
    const load = new Load()
    const release = load.take(12, 8)
    assert.throws(() => load.take(1, 8), /12 of 8/)
    release()
    load.take(5, 8)
    load.take(3, 8)()
    assert.equal(load.cost, 5)
    assert.throws(() => load.take(4, 8), /5 of 8/)
  })

  it('refuses with a 429 and a Retry-After, and is free again when a request is over', async () => {
    const base = toyGateway()
    const { chat, gateway } = toyGateway({ limits: { ...base.gateway.limits, inFlightCost: 4 } })
    const other = gateway.load.take(2, 4)
    const refused = await chat({ n: 3 })
    assert.equal(refused.headers.get('retry-after'), '1')
    assert.deepEqual(await told(refused), [429, 'rate_limit_exceeded', null])
    assert.equal((await chat({ n: 2 })).status, 200)
    assert.equal(gateway.load.cost, 2)
    other()
  })
})

describe('a request that passes through', () => {
  const asks = (body: string) => passedAsks(Buffer.from(body), 64)

  it('is asked for its choices and its limit of tokens without being parsed', () => {
    assert.deepEqual(asks('{"messages":[{"n":7}],"n":3}'), { choices: 3, maxTokens: 64 })
    assert.deepEqual(asks('{"n":2,"n":5,"max_tokens":9}'), { choices: 5, maxTokens: 9 })
    assert.deepEqual(asks('{"prompt":["a","b"],"n":2,"max_completion_tokens":8,"max_tokens":9}'), {
      choices: 4,
      maxTokens: 8,
    })
    assert.deepEqual(asks('{"prompt":[1,2,3]}'), { choices: 1, maxTokens: 64 })
    assert.deepEqual(asks('{"\\u006e":6}'), { choices: 6, maxTokens: 64 })
    for (const strange of ['{"n":-4}', '{"n":"8"}', '{"n":null}', 'no json', '[]'])
      assert.equal(asks(strange).choices, 1, strange)
  })

  it('has its usage at its end', () => {
    const tail = new UsageTail()
    tail.note(Buffer.from('data: {"choices":[{"delta":{"content":"\\"usage\\":{\\"prompt_tokens\\":1}"}}]}\n\n'))
    tail.note(
      Buffer.from(
        'data: {"choices":[],"usage":{"prompt_tokens": 12,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":5}}}\n\n',
      ),
    )
    tail.note(Buffer.from('data: [DONE]\n\n'))
    assert.deepEqual(tail.read(), { promptTokens: 12, completionTokens: 34, cachedTokens: 5 })
    const silent = new UsageTail()
    silent.note(Buffer.from('data: [DONE]\n\n'))
    assert.equal(silent.read(), undefined)
  })
})
