import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const sum = [{ role: 'user' as const, content: 'What is 47 + 7 + 7?' }]
const body = { model: 'tiny', messages: sum, seed: 3, max_tokens: 40 }
const sound = '47 + 7 = 54. 54 + 7 = 61. The answer is 61.'

interface Outcome {
  readonly method: string
  readonly tokens: { readonly generated: number; readonly returned: number; readonly reward_calls: number }
  readonly reward: number
  readonly candidates?: readonly { readonly text: string; readonly score: number; readonly chosen: boolean }[]
  readonly best_of?: { readonly kl_estimate: number; readonly kl_bound: number }
  readonly particles?: { readonly n: number; readonly log_z: number; readonly steps: readonly object[] }
  readonly choices?: readonly { readonly index: number; readonly reward: number }[]
}

const outcomeOf = (reply: object): Outcome => (reply as { alignment: Outcome }).alignment

describe('whole answers through the official client', { skip: cannotServe }, () => {
  let server: ServerProcess
  let client: OpenAI

  before(async () => {
    server = await startServer()
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })

  after(async () => {
    assert.equal(await server?.stop(), 0)
  })

  const ask = (alignment: object, more: object = {}) =>
    client.chat.completions.create({ ...body, ...more, ...{ alignment } } as typeof body)

  it('best-of-N returns the best candidate, with all of them and their scores', async () => {
    const reply = await ask({ best_of: { n: 8, reward: 'steps' } })
    const outcome = outcomeOf(reply)
    const chosen = outcome.candidates!.find((candidate) => candidate.chosen)!
    assert.equal(outcome.method, 'best_of')
    assert.equal(outcome.candidates!.length, 8)
    assert.equal(chosen.text, reply.choices[0]!.message.content)
    assert.equal(chosen.score, Math.max(...outcome.candidates!.map(({ score }) => score)))
    assert.equal(outcome.tokens.reward_calls, 8)
    assert.ok(outcome.tokens.generated > outcome.tokens.returned)
    assert.ok(outcome.best_of!.kl_estimate <= outcome.best_of!.kl_bound)
  })

  it('candidate 0 is the answer without best_of', async () => {
    const plain = await client.chat.completions.create(body)
    const { candidates } = outcomeOf(await ask({ best_of: { n: 3, reward: 'steps' } }))
    assert.equal(candidates![0]!.text, plain.choices[0]!.message.content)
  })

  it('particles stream what they share, and the pieces are the answer', async () => {
    const alignment = { particles: { n: 4, reward: 'steps', lambda: 8, at: 'sentence' } }
    const whole = await ask(alignment)
    const stream = await client.chat.completions.create({
      ...body,
      stream: true,
      ...{ alignment },
    } as typeof body & { stream: true })
    const pieces: string[] = []
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '')
    assert.equal(pieces.join(''), whole.choices[0]!.message.content)
    assert.ok(pieces.filter((piece) => piece !== '').length > 1)
    const { particles } = outcomeOf(whole)
    assert.equal(particles!.n, 4)
    assert.ok(Number.isFinite(particles!.log_z) && particles!.steps.length > 1)
  })

  it('n choices of best-of are independent runs', async () => {
    const reply = await ask({ best_of: { n: 2, reward: 'sound-steps' } }, { n: 2 })
    assert.deepEqual(
      outcomeOf(reply).choices!.map(({ index }) => index),
      [0, 1],
    )
    assert.equal(reply.choices.length, 2)
  })

  it('a comment says how far a silent stream is', async () => {
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, stream: true, alignment: { best_of: { n: 3, reward: 'steps' } } }),
    })
    assert.match(await response.text(), /^: best_of: 3 of 3 candidates finished$/m)
  })

  it('POST /v1/rewards scores answers, with their steps', async () => {
    const wrong = sound.replace('61', '51')
    const reply = await client.post<{ data: { index: number; score: number; steps: number[] }[] }>('/rewards', {
      body: { reward: 'steps', messages: sum, responses: [wrong, sound] },
    })
    const [first, second] = reply.data
    assert.deepEqual([first!.index, second!.index], [0, 1])
    assert.ok(second!.score > 0.5 && first!.score < 0.5)
    assert.equal(second!.steps.length, 3)
  })

  it('an unknown reward is a 400 that lists the known ones', async () => {
    await assert.rejects(
      ask({ best_of: { n: 2, reward: 'nobody' } }),
      (error: InstanceType<typeof OpenAI.APIError>) => {
        assert.equal(error.status, 400)
        assert.equal(error.param, 'alignment.best_of.reward')
        assert.match(error.message, /'nobody' does not exist.*steps/)
        return true
      },
    )
  })

  it('what does not combine is a 400', async () => {
    const particles = { n: 2, reward: 'steps' }
    const best = { n: 2, reward: 'steps' }
    for (const [alignment, more, param] of [
      [{ best_of: best }, { temperature: 0 }, 'temperature'],
      [{ particles: { ...particles, target: 'global' } }, {}, 'alignment.particles.target'],
      [{ particles, best_of: { ...best, prune: { at: [4] } } }, {}, 'alignment.best_of.prune'],
      [{ best_of: { ...best, answer: '(x)' } }, {}, 'alignment.best_of.answer'],
      [{ best_of: { n: 2 } }, {}, 'alignment.best_of.reward'],
      [{ particles: { n: 64, reward: 'steps' }, best_of: { n: 64, reward: 'steps' } }, {}, 'alignment.particles.n'],
      [{ particles: { n: 2, reward: 'bleu' } }, {}, 'alignment.particles.reward'],
    ] as const)
      await assert.rejects(ask(alignment, more), { status: 400, param })
  })
})
