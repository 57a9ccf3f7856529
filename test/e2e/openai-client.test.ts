import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const messages = [{ role: 'user' as const, content: 'Write a review of the Abbey Hotel.' }]
const plain = { model: 'tiny', messages, max_tokens: 12, seed: 7 }

/** The body with fields the client's types do not know; it sends them as they are. */
function withAlignment<Body extends object>(body: Body, alignment: object): Body {
  return { ...body, alignment }
}

interface Reported {
  readonly alignment?: {
    readonly method: string
    readonly seed: number
    readonly tokens: Readonly<Record<string, number>>
    readonly trace?: { readonly tokens: readonly { readonly guides: Readonly<Record<string, number>> }[] }
  }
}

describe('the official openai client', { skip: cannotServe }, () => {
  let server: ServerProcess
  let client: OpenAI

  before(async () => {
    server = await startServer()
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })

  after(async () => {
    assert.equal(await server?.stop(), 0)
  })

  const ready = async () => (await (await fetch(`${server.url}/readyz`)).json()) as { engine: Engine }
  interface Engine {
    readonly running: number
    readonly waiting: number
    readonly blocks: { readonly live: number; readonly reserved: number }
  }

  it('lists the models', async () => {
    const names = []
    for await (const { id } of client.models.list()) names.push(id)
    assert.deepEqual(names, ['tiny', 'tiny-friendly'])
    assert.equal((await client.models.retrieve('tiny')).owned_by, 'trimtab')
  })

  it('gets a whole answer, the same for the same seed', async () => {
    const one = await client.chat.completions.create(plain)
    const two = await client.chat.completions.create(plain)
    const [choice] = one.choices
    assert.ok(choice?.message.content)
    assert.equal(choice.message.content, two.choices[0]?.message.content)
    assert.equal(choice.message.refusal, null)
    assert.equal(choice.logprobs, null)
    assert.ok(['stop', 'length'].includes(choice.finish_reason))
    const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = one.usage ?? assert.fail()
    assert.ok(prompt > 0 && completion > 0 && completion <= 12)
    assert.equal(total, prompt + completion)
    assert.equal('alignment' in one, false)
  })

  it('streams the same text', async () => {
    const whole = await client.chat.completions.create(plain)
    const stream = await client.chat.completions.create({
      ...plain,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant')
    assert.deepEqual(chunks.at(-1)?.choices, [])
    assert.deepEqual(chunks.at(-1)?.usage, whole.usage && { ...whole.usage, ...cachedOf(chunks.at(-1)?.usage) })
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, whole.choices[0]?.finish_reason)
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')
    assert.equal(text, whole.choices[0]?.message.content)
    assert.ok(chunks.length > 4)
  })

  /** What the prefix cache held may differ between two runs. */
  function cachedOf(usage: OpenAI.CompletionUsage | null | undefined) {
    return { prompt_tokens_details: usage?.prompt_tokens_details }
  }

  it('gets n answers, the first as if alone', async () => {
    const alone = await client.chat.completions.create({ ...plain, temperature: 1 })
    const { choices } = await client.chat.completions.create({ ...plain, temperature: 1, n: 2 })
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1],
    )
    assert.equal(choices[0]?.message.content, alone.choices[0]?.message.content)
  })

  it('gets log-probabilities whose bytes spell the text', async () => {
    const { choices } = await client.chat.completions.create({ ...plain, logprobs: true, top_logprobs: 3 })
    const content = choices[0]?.logprobs?.content ?? assert.fail()
    const text = Buffer.from(content.flatMap(({ bytes }) => bytes ?? [])).toString()
    assert.ok(text.startsWith(choices[0]?.message.content ?? '-'))
    for (const { logprob, top_logprobs: top } of content) {
      assert.ok(logprob <= 0)
      assert.equal(top.length, 3)
      assert.ok(top[0]!.logprob >= top[2]!.logprob)
    }
  })

  it('ends before a stop string', async () => {
    const long = await client.chat.completions.create({ ...plain, temperature: 0 })
    const text = long.choices[0]?.message.content ?? ''
    const stop = text.slice(3, 6)
    const short = await client.chat.completions.create({ ...plain, temperature: 0, stop })
    assert.equal(short.choices[0]?.message.content, text.slice(0, text.indexOf(stop)))
    assert.equal(short.choices[0]?.finish_reason, 'stop')
  })

  it('completes text and token ids', async () => {
    const { choices } = await client.completions.create({ model: 'tiny', prompt: ['The', 'A'], max_tokens: 4, seed: 1 })
    assert.equal(choices.length, 2)
    const ids = await client.completions.create({ model: 'tiny', prompt: [5, 6], max_tokens: 4, logprobs: 2, seed: 1 })
    assert.equal(ids.choices[0]?.logprobs?.tokens?.length, ids.usage?.completion_tokens)
  })

  it('steers by the extra body field, and says how', async () => {
    const alignment = {
      guides: [
        { guide: 'positive', weight: 1 },
        { guide: 'reasoner', weight: 0.5 },
      ],
      trace: true,
    }
    const reply = await client.chat.completions.create(withAlignment(plain, alignment))
    const report = (reply as Reported).alignment ?? assert.fail()
    assert.equal(report.method, 'genarm+unir')
    assert.equal(report.seed, 7)
    assert.equal(report.tokens['returned'], reply.usage?.completion_tokens)
    assert.equal(report.tokens['guide'], 2 * (report.tokens['generated'] ?? 0))
    assert.deepEqual(Object.keys(report.trace?.tokens[0]?.guides ?? {}), ['positive', 'reasoner'])

    const stream = await client.chat.completions.create(withAlignment({ ...plain, stream: true as const }, alignment))
    let text = ''
    let last: Reported = {}
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      if (chunk.choices.length > 0) last = chunk as Reported
    }
    assert.equal(text, reply.choices[0]?.message.content)
    assert.deepEqual(last.alignment, report)
  })

  it('responds, and streams the same response', async () => {
    const body = withAlignment(
      { model: 'tiny', input: messages[0]!.content, max_output_tokens: 12, seed: 7 },
      { guides: [{ guide: 'positive', weight: 1 }] },
    )
    const whole = await client.responses.create(body)
    assert.ok(whole.output_text)
    assert.equal(whole.usage?.total_tokens, (whole.usage?.input_tokens ?? 0) + (whole.usage?.output_tokens ?? 0))
    const events: string[] = []
    const stream = client.responses.stream(body)
    for await (const { type } of stream) events.push(type)
    const streamed = await stream.finalResponse()
    assert.equal(streamed.output_text, whole.output_text)
    assert.deepEqual((streamed as Reported).alignment, (whole as Reported).alignment)
    assert.equal(events.at(-1), `response.${whole.status}`)
    const chat = await client.chat.completions.create({ ...plain, model: 'tiny-friendly' })
    assert.equal(chat.choices[0]?.message.content, whole.output_text)
  })

  it('takes a policy by alias and by header, with the same outcome', async () => {
    const byAlias = await client.chat.completions.create({ ...plain, model: 'tiny-friendly' })
    const byHeader = await client.chat.completions.create(plain, { headers: { 'X-Trimtab-Alignment': 'friendly' } })
    assert.equal(byAlias.choices[0]?.message.content, byHeader.choices[0]?.message.content)
    assert.equal((byAlias as Reported).alignment?.method, 'genarm')
  })

  it('raises the errors that clients know', async () => {
    const fails = (body: object) => client.chat.completions.create({ ...plain, ...body } as typeof plain)
    await assert.rejects(
      fails({ temperature: 3 }),
      (error) => error instanceof OpenAI.BadRequestError && error.param === 'temperature',
    )
    await assert.rejects(
      fails({ model: 'gpt' }),
      (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found',
    )
    await assert.rejects(fails({ max_tokens: 100_000 }), (error) => {
      return error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded'
    })
    await assert.rejects(fails(withAlignment({}, { guides: [{ guide: 'nope' }] })), (error) => {
      return error instanceof OpenAI.BadRequestError && error.param === 'alignment.guides[0].guide'
    })
    await assert.rejects(fails({ logit_bias: { 999999: 1 } }), (error) => {
      return error instanceof OpenAI.BadRequestError && error.param === 'logit_bias.999999'
    })
    await assert.rejects(fails({ messages: [{ role: 'user', content: 'a'.repeat(20_000_000) }] }), (error) => {
      return error instanceof OpenAI.APIError && error.status === 413
    })
    const { error } = (await (await fetch(`${server.url}/v1/nothing`)).json()) as { error: { type: string } }
    assert.equal(error.type, 'invalid_request_error')
  })

  it('gives every block back after streams that were left midway', async () => {
    const leave = async (index: number) => {
      const stream = await client.chat.completions.create(
        withAlignment(
          { ...plain, seed: index, max_tokens: 100, stream: true as const },
          { guides: [{ guide: 'positive' }] },
        ),
      )
      let seen = 0
      for await (const _ of stream) if (++seen > 3) break
    }
    await Promise.all(Array.from({ length: 8 }, (_, index) => leave(index)))
    for (let i = 0; i < 100 && (await ready()).engine.running > 0; i++) await sleep(20)
    const { engine } = await ready()
    assert.deepEqual([engine.running, engine.waiting, engine.blocks.live, engine.blocks.reserved], [0, 0, 0, 0])
  })

  it('answers each request that it prints to try', async () => {
    const printed = [...server.output().matchAll(/^curl -N (\S+) .* -d '(.*)'$/gm)]
    const alignments = printed.map(([, , body]) => Object.keys(JSON.parse(body!).alignment ?? {}))
    assert.deepEqual(alignments, [[], ['guides'], ['guides'], ['particles']])
    for (const [, url, body] of printed) {
      const reply = await fetch(url!, { method: 'POST', body: body!, headers: { 'content-type': 'application/json' } })
      assert.equal(reply.status, 200, await reply.text())
    }
  })
})

describe('a server that is told to stop', { skip: cannotServe }, () => {
  it('finishes what runs, refuses what comes, and leaves no process behind', async () => {
    const server = await startServer()
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
    const running = await client.chat.completions.create({ ...plain, max_tokens: 200, stream: true })
    const chunks = running[Symbol.asyncIterator]()
    await chunks.next()
    const exit = server.stop()
    await sleep(50)
    const refused = client.chat.completions.create(plain).then(
      () => 'answered',
      (error) => (error instanceof OpenAI.APIError ? error.status : error),
    )
    let last: OpenAI.ChatCompletionChunk | undefined
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) last = next.value
    assert.ok(last?.choices[0]?.finish_reason)
    // Undefined: the answer was so short that the server was gone already.
    assert.ok([503, undefined].includes((await refused) as number))
    assert.equal(await exit, 0)
    await assert.rejects(fetch(`${server.url}/healthz`))
  })
})
