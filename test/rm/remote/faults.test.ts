import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RewardError } from '../../../src/rm/reward-error.ts'
import { type Answer, cutBody, hangUp, sayJson, saySilence } from '../../upstream/fake-upstream.ts'
import { until } from '../../upstream/settings.ts'
import { answer, never, question, someAnswers } from '../reward-contract.ts'
import { type DoubleReply, type RewardDouble, rewardDoubles } from './reward-doubles.ts'
import { sayReply, serveReward } from './reward-server.ts'

type Fault = (double: RewardDouble) => Answer

const changed =
  (change: (reply: DoubleReply) => void): Fault =>
  (double) =>
    sayReply(double, change)

const withScore = (value: unknown) => changed(({ list, put }) => put(list[0] as never, value))

const nothingSaid: Answer = (_request, response) => void response.writeHead(200).end()

/** Python's json module writes NaN, which is no JSON. */
const notANumber: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"data": [{"index": 0, "probs": [NaN]}]}')
}

const faults: Readonly<Record<string, Fault>> = {
  'one score too few': changed(({ list }) => void list.pop()),
  'one score too many': changed(({ list }) => void list.push(list[0])),
  'null in the place of a score': withScore(null),
  'a text in the place of a score': withScore('0.5 or so'),
  'a nested object in the place of a score': withScore({ score: 1 }),
  NaN: () => notANumber,
  'an empty body': () => nothingSaid,
  'malformed JSON': () => (_request, response) => void response.writeHead(200).end('{"data": ['),
  'JSON of another kind': () => sayJson(200, { detail: 'Not Found' }),
  'status 500': () => sayJson(500, { error: { message: 'out of memory at 10.0.0.7' } }),
  'status 401': () => sayJson(401, { error: { message: 'the key secret is wrong' } }),
  'status 422 for a text that is too long': () => sayJson(422, { error: 'inputs must have less than 512 tokens' }),
  'a body that breaks off': () => cutBody,
  'a connection that is closed without a word': () => hangUp,
  'another set of labels': changed(({ relabel }) => relabel?.()),
}

const asked = someAnswers.slice(0, 3)

/** Formats that tell nothing of labels cannot notice others. */
const labelless = new Set(['vllm-score', 'tei-rerank', 'llama-rerank', 'openrlhf', 'trimtab'])

for (const [name, double] of Object.entries(rewardDoubles))
  for (const [fault, answerOf] of Object.entries(faults)) {
    if (fault === 'another set of labels' && labelless.has(name)) continue
    test(`${name}, ${fault}: an error that names the reward and the upstream, and nothing runs on`, async () => {
      const { reward, server } = await serveReward(double)
      server.answer = answerOf(double)
      await assert.rejects(reward.score(question, asked, never), (error) => {
        assert.ok(error instanceof RewardError, String(error))
        assert.match(error.message, /The reward 'judge' failed: .*upstream 'gpu'/)
        assert.doesNotMatch(error.message, /secret|10\.0\.0\.7/)
        return true
      })
      await until(() => server.open === 0)
    })
  }

const oneDouble = rewardDoubles['tei-rerank']!

test('what the upstream says of a bad call is passed on', async () => {
  const { reward, server } = await serveReward(oneDouble)
  server.answer = sayJson(422, { error: 'inputs must have less than 512 tokens', error_type: 'Validation' })
  await assert.rejects(reward.score(question, asked, never), /It says: inputs must have less than 512 tokens/)
})

test('an upstream that is slower than the deadline fails the reward, and is told', async () => {
  const { reward, server } = await serveReward(oneDouble, { timeout_seconds: 0.1 })
  server.answer = saySilence
  await assert.rejects(reward.score(question, asked, never), /did not (finish|begin)/)
  await until(() => server.open === 0)
})

test('a body that stops in the middle and stays open ends with the deadline', async () => {
  const { reward, server } = await serveReward(oneDouble, { timeout_seconds: 0.2 })
  server.answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('[{"index":')
  }
  await assert.rejects(reward.score(question, asked, never), /did not finish in the time/)
  await until(() => server.open === 0)
})

/** Refuses the first calls, then answers. */
const refusing = (times: number, headers: Record<string, string>): Answer => {
  let left = times
  return (request, response) => {
    left -= 1
    return left >= 0
      ? sayJson(429, { error: { message: 'overloaded' } }, headers)(request, response)
      : sayReply(oneDouble)(request, response)
  }
}

test('a call that was refused with 429 and Retry-After is made again', async () => {
  const { reward, server } = await serveReward(oneDouble)
  server.answer = refusing(2, { 'retry-after': '0' })
  assert.equal((await reward.score(question, asked, never)).length, asked.length)
  assert.equal(server.received.length, 3)
})

test('but not more often than configured', async () => {
  const { reward, server } = await serveReward(oneDouble, { retries: 1 })
  server.answer = refusing(9, { 'retry-after': '0' })
  await assert.rejects(reward.score(question, asked, never), /answered 429/)
  assert.equal(server.received.length, 2)
})

test('nor where its Retry-After is beyond the deadline, or where it names none', async () => {
  for (const headers of [{ 'retry-after': '3600' }, {}] as Record<string, string>[]) {
    const { reward, server } = await serveReward(oneDouble)
    server.answer = refusing(9, headers)
    await assert.rejects(reward.score(question, asked, never), /answered 429/)
    assert.equal(server.received.length, 1)
  }
})

test('a reply that broke off is not asked for again: the work may have been done', async () => {
  const { reward, server } = await serveReward(oneDouble)
  server.answer = cutBody
  await assert.rejects(reward.score(question, asked, never), /broke off in the middle/)
  assert.equal(server.received.length, 1)
})

test('one failed batch fails the whole and stops the others', async () => {
  const { reward, server } = await serveReward(oneDouble, { batch: 1 })
  server.answer = (request, response) => {
    if (request.body.includes('answer is 20')) return sayJson(500, {})(request, response)
    return saySilence(request, response)
  }
  await assert.rejects(reward.score(question, asked, never), /answered 500/)
  await until(() => server.open === 0)
})

test('an abort ends the calls under way and those that wait', async () => {
  const { reward, server } = await serveReward(oneDouble, { batch: 1, parallel: 1 })
  server.answer = saySilence
  const gone = new AbortController()
  const judged = reward.score(question, asked, gone.signal)
  await until(() => server.received.length === 1)
  gone.abort(new Error('left'))
  await assert.rejects(judged, /left/)
  await until(() => server.open === 0)
  assert.equal(server.received.length, 1)
})

test('no more calls run at one time than configured', async () => {
  const { reward, server } = await serveReward(oneDouble, { batch: 1, parallel: 2 })
  let most = 0
  server.answer = (request, response) => {
    most = Math.max(most, server.open)
    setTimeout(() => void sayReply(oneDouble)(request, response), 5)
  }
  const answers = Array.from({ length: 9 }, (_, i) => answer(`${i}`))
  assert.equal((await reward.score(question, answers, never)).length, 9)
  assert.equal(most, 2)
})

test('a score beyond the bounds that its format has is an error: it would count as a probability', async () => {
  for (const [name, options, value] of [
    ['judge-score', {}, 11],
    ['vllm-pooling of steps', {}, 1.5],
    ['sglang-score', {}, 1.7],
    ['tei-rerank', { raw_scores: false }, 2],
  ] as const) {
    const double = rewardDoubles[name]!
    const { reward, server } = await serveReward(double, options)
    const change: Answer = (request, response) => {
      const reply = double.reply(JSON.parse(request.body.toString()) as never)
      reply.put(reply.list[0] as never, value)
      return sayJson(200, reply.json)(request, response)
    }
    server.answer = change
    await assert.rejects(reward.score(question, [answer('20')], never), RewardError, name)
  }
})

test('a judgement that is not the form asked for is no judgement', async () => {
  const { reward, server } = await serveReward(rewardDoubles['judge-score']!)
  const say = (content: string, finish_reason = 'stop') => {
    server.answer = sayJson(200, { choices: [{ index: 0, message: { content }, finish_reason }] })
    return reward.score(question, [answer('20')], never)
  }
  assert.equal((await say('Good.\nScore: 7.5'))[0]!.score, 7.5)
  for (const content of [
    'Score: 7/10',
    'score: 7',
    '**Score: 7**',
    'Score: 7\nOr 8.',
    'Score: seven',
    '7',
    '',
    'Score: 0',
  ])
    await assert.rejects(say(content), RewardError, content)
  await assert.rejects(say('Score: 7', 'length'), /not complete/)
})
