import { z } from 'zod'
import { type DoubleEngine, normalised } from './double-engine.ts'
import type { DoubleReply, DoubleRoutes } from './engine-double.ts'

const completion = z.strictObject({
  prompt: z.array(z.number().int()).min(1),
  n_predict: z.number().int().min(1),
  temperature: z.number().min(0).default(0.8),
  top_k: z.number().int().default(40),
  top_p: z.number().default(0.95),
  min_p: z.number().default(0.05),
  typical_p: z.number().default(1),
  repeat_penalty: z.number().default(1),
  repeat_last_n: z.number().int().min(0).default(64),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  dry_multiplier: z.number().default(0),
  xtc_probability: z.number().default(0),
  mirostat: z.number().int().default(0),
  samplers: z.array(z.string()).default(['penalties', 'top_k', 'top_p', 'min_p', 'temperature']),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional(),
  n_probs: z.number().int().min(0).default(0),
  logit_bias: z.array(z.tuple([z.number().int(), z.number()])).default([]),
  ignore_eos: z.boolean().default(false),
  cache_prompt: z.boolean().default(true),
  return_tokens: z.boolean().default(false),
  stream: z.literal(false).default(false),
})

type Completion = z.output<typeof completion>

export interface LlamaOptions {
  readonly model: string
  /** Tokens that do not end a character are reported without their law. */
  bytesOf(id: number): Uint8Array
  /** Every token that the vocabulary takes for an end, the model's own and others. */
  readonly ends: ReadonlySet<number>
  encode(text: string): readonly number[]
  render(messages: readonly { readonly role: string; readonly content: string }[]): string
}

/** llama-server's routes over a double engine; it serves the one law of that name. */
export function llamaRoutes(engine: DoubleEngine, options: LlamaOptions): DoubleRoutes {
  return {
    '/completion': (body) => complete(engine, options, body),
    '/v1/models': () => ({ json: { data: [{ id: options.model, meta: { n_vocab: engine.vocabSize } }] } }),
    '/props': () => ({
      json: { default_generation_settings: { n_ctx: engine.contextLength }, model_path: '/models/base.gguf' },
    }),
    '/tokenize': (body) => ({
      json: { tokens: options.encode(z.looseObject({ content: z.string() }).parse(body).content) },
    }),
    '/apply-template': (body) => ({ json: { prompt: options.render(conversation.parse(body).messages) } }),
  }
}

const conversation = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) })

function complete(engine: DoubleEngine, options: LlamaOptions, body: unknown): DoubleReply {
  const parsed = completion.safeParse(body)
  if (!parsed.success)
    return {
      status: 400,
      json: { error: { code: 400, message: z.prettifyError(parsed.error), type: 'invalid_request_error' } },
    }
  const request = parsed.data
  if (request.prompt.length >= engine.contextLength)
    return { status: 400, json: { error: { code: 400, message: 'too long', type: 'exceed_context_size_error' } } }
  const tokens: { id: number; raw: readonly number[] }[] = []
  let ended = false
  while (!ended && tokens.length < request.n_predict) {
    const behind = [...request.prompt, ...tokens.map(({ id }) => id)]
    if (behind.length >= engine.contextLength) break
    const { id, raw } = drawOne(engine, options, request, behind, tokens.length)
    tokens.push({ id, raw })
    ended = options.ends.has(id)
  }
  return {
    json: {
      content: '',
      tokens: request.return_tokens ? tokens.map(({ id }) => id) : [],
      stop: true,
      stop_type: ended ? 'eos' : 'limit',
      ...(request.n_probs === 0 ? {} : { completion_probabilities: reports(options, request, tokens) }),
    },
  }
}

/** Biases change what is sampled, not what is reported; ignoring ends is to forbid them all. */
function drawOne(
  engine: DoubleEngine,
  { model, ends }: LlamaOptions,
  request: Completion,
  behind: readonly number[],
  at: number,
) {
  const biased = (ids: readonly number[]) => {
    const raw = engine.laws.get(model)!(ids)
    const bias = new Map(request.logit_bias)
    const forbidden = (id: number) => request.ignore_eos && ends.has(id)
    return normalised(
      raw.map((logprob, id) => (forbidden(id) ? Number.NEGATIVE_INFINITY : logprob + (bias.get(id) ?? 0))),
    )
  }
  const sampling = {
    maxTokens: 1,
    temperature: request.temperature,
    topK: request.samplers.includes('top_k') ? request.top_k : 0,
    topP: request.samplers.includes('top_p') ? request.top_p : 1,
    minP: request.samplers.includes('min_p') ? request.min_p : 0,
    seed: request.seed === undefined ? undefined : BigInt(request.seed) * 64n + BigInt(at),
    ignoreEos: true,
    stopTokenIds: [],
  }
  const [token] = engine.generateFrom(biased, behind, sampling).tokens
  return { id: token!.id, raw: engine.laws.get(model)!(behind) }
}

function reports(
  { bytesOf }: LlamaOptions,
  { n_probs }: Completion,
  tokens: readonly { id: number; raw: readonly number[] }[],
) {
  const text: number[] = []
  return tokens.flatMap(({ id, raw }) => {
    text.push(...bytesOf(id))
    if (endsWithin(text)) return []
    const ranked = raw
      .map((_, other) => other)
      .sort((a, b) => raw[b]! - raw[a]! || a - b)
      .slice(0, n_probs)
    return { id, logprob: raw[id]!, top_logprobs: ranked.map((other) => ({ id: other, logprob: raw[other]! })) }
  })
}

/** The server's own test of what this call has drawn so far: among the last three bytes one begins a character of more. */
function endsWithin(text: readonly number[]): boolean {
  return [1, 2, 3].some((back) => {
    const byte = text.at(-back) ?? 0
    const length = byte >= 0xf8 ? 0 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 0
    return back < length
  })
}
