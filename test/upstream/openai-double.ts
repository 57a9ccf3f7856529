import { type Answer, eventStreamHead, type FakeUpstream, fakeUpstream, sayJson } from './fake-upstream.ts'

/** What one call for a continuation asked for. */
export interface AskedText {
  readonly model: string
  readonly prompt: string
  readonly max_tokens: number
  readonly temperature?: number
  readonly top_p?: number
  readonly seed?: number
  readonly stream?: boolean
}

const words = ['hello', ' world', ' hello', ' a', '!'] as const

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`

export const chunkOf = (text: string, finish_reason: string | null = null) =>
  data({
    id: 'cmpl-1',
    object: 'text_completion',
    model: 'base',
    choices: [{ index: 0, text, finish_reason, logprobs: null }],
  })

/**
 * Speaks the OpenAI API as text and nothing else, and refuses fields it does not know. Its tokens are words; they follow from the seed, and a continuation of
 * `finishAfter` words and more is at its end.
 */
export async function openaiDouble({ finishAfter = Number.POSITIVE_INFINITY } = {}) {
  const asked: AskedText[] = []
  const known = ['model', 'prompt', 'max_tokens', 'temperature', 'top_p', 'seed', 'stream']
  const completion: Answer = (request, response) => {
    const body = JSON.parse(request.body.toString()) as AskedText
    const foreign = Object.keys(body).find((field) => !known.includes(field))
    if (foreign !== undefined)
      return sayJson(400, { error: { message: `unknown field ${foreign}` } })(request, response)
    if (typeof body.prompt !== 'string') return sayJson(400, { error: { message: 'prompt' } })(request, response)
    if (body.stream !== true) return sayJson(200, { choices: [{ index: 0, text: 'hello' }] })(request, response)
    asked.push(body)
    response.writeHead(200, eventStreamHead)
    const count = Math.min(body.max_tokens, finishAfter)
    for (let i = 0; i < count; i++) response.write(chunkOf(words[((body.seed ?? 0) + i * 7) % words.length]!))
    response.end(`${chunkOf('', count < body.max_tokens ? 'stop' : 'length')}data: [DONE]\n\n`)
  }
  let completions = completion
  const server: FakeUpstream = await fakeUpstream((request, response) => {
    if (request.url === '/v1/models') return sayJson(200, { object: 'list', data: [{ id: 'base' }] })(request, response)
    if (request.url === '/v1/completions') return completions(request, response)
    return sayJson(404, { error: { message: 'no such route' } })(request, response)
  })
  return {
    url: server.url,
    server,
    asked,
    /** Streams are answered so; undefined: as ever. */
    stream(answer: Answer | undefined) {
      completions = (request, response) =>
        answer !== undefined && JSON.parse(request.body.toString()).stream === true
          ? answer(request, response)
          : completion(request, response)
    },
    /** All of the route is answered so. */
    route(answer: Answer) {
      completions = answer
    },
  }
}
