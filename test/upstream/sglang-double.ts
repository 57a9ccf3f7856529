import { z } from 'zod'
import type { DoubleAnswer, DoubleEngine } from './double-engine.ts'
import type { DoubleReply, DoubleRoutes } from './engine-double.ts'

const ids = z.array(z.number().int()).min(1)

const sampling = z.strictObject({
  max_new_tokens: z.number().int().default(128),
  temperature: z.number().default(1),
  top_p: z.number().default(0.9),
  top_k: z.number().int().default(3),
  min_p: z.number().default(0.05),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  repetition_penalty: z.number().default(1),
  logit_bias: z.record(z.string(), z.number()).optional(),
  sampling_seed: z.number().int().optional(),
  ignore_eos: z.boolean().default(false),
  stop_token_ids: z.array(z.number().int()).default([]),
  skip_special_tokens: z.boolean().default(true),
  spaces_between_special_tokens: z.boolean().default(true),
})

const generation = z.strictObject({
  input_ids: z.union([ids, z.array(ids)]),
  sampling_params: z.union([sampling, z.array(sampling)]),
  return_logprob: z.boolean().default(false),
  return_text_in_logprobs: z.boolean().default(true),
  top_logprobs_num: z.number().int().default(0),
  token_ids_logprob: z.array(z.array(z.number().int())).optional(),
  logprob_start_len: z.number().int().default(-1),
  lora_path: z.string().optional(),
  stream: z.boolean().default(false),
})

type Generation = z.output<typeof generation>

export interface SglangOptions {
  /** The server's option to send pieces instead of everything so far. */
  readonly incremental: boolean
  encode(text: string): readonly number[]
  render(messages: readonly { readonly role: string; readonly content: string }[]): string
}

/** SGLang's native routes over a double engine: the first law is the base, the others are LoRA adapters. */
export function sglangRoutes(engine: DoubleEngine, options: SglangOptions): DoubleRoutes {
  const [base] = engine.laws.keys()
  const models = [...engine.laws.keys()].map((id) => ({
    id,
    parent: id === base ? null : base,
    max_model_len: engine.contextLength,
  }))
  return {
    '/generate': (body) => generate(engine, options, body),
    '/v1/models': () => ({ json: { object: 'list', data: models } }),
    '/get_model_info': () => ({ json: { model_path: '/models/base', is_generation: true } }),
    '/tokenize': (body) => {
      const { messages, prompt } = z
        .looseObject({
          prompt: z.string().optional(),
          messages: z.array(z.object({ role: z.string(), content: z.string() })).optional(),
        })
        .parse(body)
      return { json: { tokens: options.encode(messages === undefined ? prompt! : options.render(messages)) } }
    },
  }
}

function generate(engine: DoubleEngine, options: SglangOptions, body: unknown): DoubleReply {
  const parsed = generation.safeParse(body)
  if (!parsed.success) return { status: 400, json: { error: { message: z.prettifyError(parsed.error) } } }
  const request = parsed.data
  const model = request.lora_path ?? [...engine.laws.keys()][0]!
  if (request.top_logprobs_num > engine.vocabSize)
    return { status: 500, json: { error: { message: 'the scheduler died' } } }
  const single = typeof request.input_ids[0] === 'number'
  const prompts = single ? [request.input_ids as number[]] : (request.input_ids as number[][])
  const params = [request.sampling_params].flat()
  const answers = prompts.map((prompt, i) => {
    const own = params[i] ?? params[0]!
    return engine.generate(model, prompt, {
      maxTokens: own.max_new_tokens,
      temperature: own.temperature,
      topK: own.top_k,
      topP: own.top_p,
      minP: own.min_p,
      seed: own.sampling_seed === undefined ? undefined : BigInt(own.sampling_seed),
      ignoreEos: own.ignore_eos,
      stopTokenIds: own.stop_token_ids,
    })
  })
  const replies = answers.map((answer, i) => replyOf(engine, model, request, prompts[i]!, answer, i))
  if (!request.stream) return { json: single ? replies[0] : replies }
  return { events: streamed(engine, model, request, prompts[0]!, answers[0]!, options) }
}

type Row = (readonly [number | null, number, null])[]

function replyOf(
  engine: DoubleEngine,
  model: string,
  request: Generation,
  prompt: readonly number[],
  answer: DoubleAnswer,
  index: number,
) {
  const { tokens, finish } = answer
  return {
    text: '',
    // the id that ended the answer is left out, its log-probability is not
    output_ids: tokens.map(({ id }) => id).slice(0, finish === 'stop' ? -1 : undefined),
    meta_info: {
      id: 'x',
      finish_reason:
        finish === 'stop' ? { type: 'stop', matched: tokens.at(-1)!.id } : { type: 'length', length: tokens.length },
      completion_tokens: tokens.length,
      prompt_tokens: prompt.length,
      ...(request.return_logprob ? logprobsOf(engine, model, request, prompt, answer, index) : {}),
    },
  }
}

function logprobsOf(
  engine: DoubleEngine,
  model: string,
  request: Generation,
  prompt: readonly number[],
  { tokens }: DoubleAnswer,
  index: number,
) {
  const top = (raw: readonly number[]): Row =>
    raw
      .map((_, id) => id)
      .sort((a, b) => raw[b]! - raw[a]! || a - b)
      .slice(0, request.top_logprobs_num)
      .map((id) => [raw[id]!, id, null])
  const start = request.logprob_start_len
  const positions = start < 0 ? [] : prompt.slice(start).map((_, i) => prompt.slice(0, start + i))
  const law = engine.laws.get(model)!
  const input = <R>(of: (raw: readonly number[]) => R) =>
    positions.map((before, i) => (i === 0 ? null : of(law(before))))
  const chosen = request.token_ids_logprob?.[index]
  return {
    output_token_logprobs: tokens.map(({ id, raw }) => [raw[id]!, id, null]),
    ...(request.top_logprobs_num > 0
      ? { output_top_logprobs: tokens.map(({ raw }) => top(raw)), input_top_logprobs: input(top) }
      : {}),
    ...(chosen === undefined
      ? {}
      : { input_token_ids_logprobs: input((raw) => chosen.map((id) => [raw[id]!, id, null])) }),
  }
}

function* streamed(
  engine: DoubleEngine,
  model: string,
  request: Generation,
  prompt: readonly number[],
  answer: DoubleAnswer,
  { incremental }: SglangOptions,
) {
  for (const [at] of answer.tokens.entries()) {
    const last = at === answer.tokens.length - 1
    const tokens = answer.tokens.slice(incremental ? at : 0, at + 1)
    const reply = replyOf(
      engine,
      model,
      request,
      prompt,
      { ...answer, tokens, finish: last ? answer.finish : 'length' },
      0,
    )
    const meta_info = { ...reply.meta_info, completion_tokens: at + 1, ...(last ? {} : { finish_reason: null }) }
    yield JSON.stringify({ ...reply, meta_info })
  }
  yield '[DONE]'
}
