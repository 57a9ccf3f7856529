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
  repeat_last_n: z.number().int().default(64),
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
  /** Tokens that do not end a character: the server draws on past its limit, and reports no law for them. */
  readonly inside: ReadonlySet<number>
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
  const tokens: { id: number; raw: readonly number[] }[] = []
  let ended = false
  while (!ended && (tokens.length < request.n_predict || options.inside.has(tokens.at(-1)!.id))) {
    const behind = [...request.prompt, ...tokens.map(({ id }) => id)]
    if (behind.length >= engine.contextLength) break
    const { id, raw } = drawOne(engine, options, request, behind, tokens.length)
    tokens.push({ id, raw })
    ended = id === engine.eos && !request.ignore_eos
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

/** Biases change what is sampled, not what is reported. */
function drawOne(
  engine: DoubleEngine,
  { model }: LlamaOptions,
  request: Completion,
  behind: readonly number[],
  at: number,
) {
  const biased = (ids: readonly number[]) => {
    const raw = engine.laws.get(model)!(ids)
    const bias = new Map(request.logit_bias)
    return normalised(raw.map((logprob, id) => logprob + (bias.get(id) ?? 0)))
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
  { inside }: LlamaOptions,
  { n_probs }: Completion,
  tokens: readonly { id: number; raw: readonly number[] }[],
) {
  return tokens
    .filter(({ id }) => !inside.has(id))
    .map(({ id, raw }) => {
      const ranked = raw
        .map((_, other) => other)
        .sort((a, b) => raw[b]! - raw[a]! || a - b)
        .slice(0, n_probs)
      return { id, logprob: raw[id]!, top_logprobs: ranked.map((other) => ({ id: other, logprob: raw[other]! })) }
    })
}
