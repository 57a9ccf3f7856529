import { z } from 'zod'
import type { DoubleAnswer, DoubleEngine, DoubleLaw, DoubleSampling, DoubleToken } from './double-engine.ts'
import type { DoubleReply, DoubleRoutes } from './engine-double.ts'
import { generateGuided, guideArguments, guidesRefusal } from './inside-guides-double.ts'

const ids = z.array(z.number().int())

/** The fields of /v1/completions that trimtab sends; vLLM keeps others, the double refuses them so that typing errors show. */
const completion = z.strictObject({
  model: z.string(),
  prompt: z.union([ids.min(1), z.array(ids.min(1)).min(1)]),
  max_tokens: z.number().int().min(0).default(16),
  n: z.number().int().min(1).default(1),
  temperature: z.number().min(0).default(0.6),
  top_p: z.number().default(0.9),
  top_k: z.number().int().default(2),
  min_p: z.number().default(0),
  presence_penalty: z.number().default(0),
  frequency_penalty: z.number().default(0),
  repetition_penalty: z.number().default(1),
  logit_bias: z.record(z.string(), z.number()).default({}),
  seed: z.number().int().optional(),
  logprobs: z.number().int().min(-1).optional(),
  logprob_token_ids: ids.optional(),
  ignore_eos: z.boolean().default(false),
  stop_token_ids: ids.default([]),
  stream: z.boolean().default(false),
  add_special_tokens: z.boolean().default(true),
  skip_special_tokens: z.boolean().default(true),
  spaces_between_special_tokens: z.boolean().default(true),
  return_token_ids: z.boolean().default(false),
  return_tokens_as_token_ids: z.boolean().default(false),
  vllm_xargs: z.record(z.string(), z.unknown()).optional(),
})

type Completion = z.output<typeof completion>

export interface VllmOptions {
  /** -1: whole vocabulary, as with --max-logprobs -1. */
  maxLogprobs: number
  logprobsMode: 'raw_logprobs' | 'processed_logprobs'
  /** Newer vLLM answers for ids of the caller's choosing. */
  chosen: boolean
  /** Guides of the vllm-guides plug-in; undefined: it is not installed. */
  guides?: ReadonlyMap<string, DoubleLaw> | undefined
  /** The checkpoint behind the base's name. */
  root: string
  /** Its tokenizer and chat template. */
  encode(text: string): readonly number[]
  render(messages: readonly { readonly role: string; readonly content: string }[]): string
}

/** vLLM's routes over a double engine: the first of its laws is the base, the others are LoRA adapters. */
export function vllmRoutes(engine: DoubleEngine, options: VllmOptions): DoubleRoutes {
  return {
    '/v1/completions': (body) => completions(engine, options, body),
    '/v1/models': () => ({ json: { object: 'list', data: models(engine, options) } }),
    '/version': () => ({ json: { version: '0.32.0' } }),
    '/tokenize': (body) => tokenize(engine, options, body),
    '/detokenize': (body) => ({
      json: { prompt: textOf(engine, z.object({ tokens: ids }).parse(body).tokens) },
    }),
    '/v1/chat/completions/render': (body) => render(options, body),
  }
}

function models(engine: DoubleEngine, { root }: VllmOptions) {
  const [base] = engine.laws.keys()
  return [...engine.laws.keys()].map((id) => ({
    id,
    object: 'model',
    created: 1,
    owned_by: 'vllm',
    root: id === base ? root : `/loras/${id}`,
    parent: id === base ? null : base,
    ...(id === base ? { max_model_len: engine.contextLength } : {}),
  }))
}

function completions(engine: DoubleEngine, options: VllmOptions, body: unknown): DoubleReply {
  const parsed = completion.safeParse(body)
  if (!parsed.success) return refusal(400, z.prettifyError(parsed.error))
  const request = parsed.data
  if (!engine.laws.has(request.model)) return refusal(404, `The model \`${request.model}\` does not exist.`)
  const prompts = typeof request.prompt[0] === 'number' ? [request.prompt as number[]] : (request.prompt as number[][])
  const problem = refusalOf(engine, options, request, prompts)
  if (problem !== undefined) return problem
  const choices = prompts.flatMap((prompt) =>
    Array.from({ length: request.n }, (_, child) => generate(engine, options, request, prompt, child)),
  )
  const wire = choices.map((answer, index) => choiceOf(engine, options, request, answer, index))
  if (!request.stream)
    return { json: { id: 'cmpl-1', object: 'text_completion', created: 1, model: request.model, choices: wire } }
  return { events: streamed(engine, options, request, choices) }
}

function generate(
  engine: DoubleEngine,
  { guides }: VllmOptions,
  request: Completion,
  prompt: readonly number[],
  child: number,
): DoubleAnswer {
  const sampling = samplingOf(request, child)
  // without the plug-in nobody looks at them
  if (guides === undefined || request.vllm_xargs === undefined) return engine.generate(request.model, prompt, sampling)
  const asked = guideArguments.parse(request.vllm_xargs)
  return generateGuided(engine, engine.laws.get(request.model)!, guides, asked, prompt, sampling)
}

function refusalOf(engine: DoubleEngine, options: VllmOptions, request: Completion, prompts: readonly number[][]) {
  const { maxLogprobs } = options
  const asked = request.logprobs ?? 0
  const most = maxLogprobs === -1 ? engine.vocabSize : maxLogprobs
  if (asked > most || (asked === -1 && maxLogprobs !== -1))
    return refusal(400, `Requested sample logprobs of ${asked}, which is greater than max allowed: ${most}`)
  if (request.temperature === 0 && request.n > 1) return refusal(400, 'n must be 1 when using greedy sampling')
  const unable =
    options.guides &&
    guidesRefusal(guideArguments.optional().parse(request.vllm_xargs), options.guides, engine.vocabSize)
  if (unable !== undefined) return refusal(400, unable)
  for (const prompt of prompts) {
    const foreign = prompt.find((id) => id >= engine.vocabSize)
    if (foreign !== undefined) return refusal(400, `Token id ${foreign} is out of vocabulary`)
    if (prompt.length >= engine.contextLength) return refusal(400, 'longer than the maximum model length')
  }
  return undefined
}

export const refusal = (status: number, message: string): DoubleReply => ({
  status,
  json: { error: { message, type: 'BadRequestError', param: null, code: status } },
})

function samplingOf(request: Completion, child: number): DoubleSampling {
  return {
    maxTokens: request.max_tokens,
    temperature: request.temperature,
    topK: request.top_k,
    topP: request.top_p,
    minP: request.min_p,
    seed: request.seed === undefined ? undefined : BigInt(request.seed + child),
    ignoreEos: request.ignore_eos,
    stopTokenIds: request.stop_token_ids,
  }
}

function choiceOf(
  engine: DoubleEngine,
  options: VllmOptions,
  request: Completion,
  answer: DoubleAnswer,
  index: number,
) {
  const { tokens, finish, stopReason } = answer
  const drawn = tokens.map(({ id }) => id)
  const shown = finish === 'stop' ? drawn.slice(0, -1) : drawn
  return {
    index,
    text: textOf(engine, shown),
    ...(request.return_token_ids ? { token_ids: drawn } : {}),
    logprobs: request.logprobs === undefined ? null : logprobsOf(options, request, tokens),
    finish_reason: finish,
    stop_reason: stopReason ?? null,
  }
}

function logprobsOf(options: VllmOptions, request: Completion, tokens: readonly DoubleToken[]) {
  const rows = tokens.map(({ raw, processed }) => (options.logprobsMode === 'raw_logprobs' ? raw : processed))
  const key = (id: number) => (request.return_tokens_as_token_ids ? `token_id:${id}` : 'x')
  return {
    text_offset: tokens.map(() => 0),
    tokens: tokens.map(({ id }) => key(id)),
    token_logprobs: tokens.map(({ id }, i) => clamped(rows[i]![id]!)),
    top_logprobs: tokens.map(({ id }, i) =>
      Object.fromEntries(
        reported(options, request, rows[i]!, id).map((other) => [key(other), clamped(rows[i]![other]!)]),
      ),
    ),
  }
}

function reported(options: VllmOptions, request: Completion, row: readonly number[], drawn: number): number[] {
  const ranked = row.map((_, id) => id).sort((a, b) => row[b]! - row[a]! || a - b)
  const top = request.logprobs === -1 ? ranked : ranked.slice(0, request.logprobs)
  const ids = options.chosen && request.logprob_token_ids !== undefined ? request.logprob_token_ids : top
  // the drawn token comes first, and entries beyond the number asked for are cut off
  const entries = [drawn, ...ids.filter((id) => id !== drawn)]
  return request.logprobs === -1 ? entries : entries.slice(0, (request.logprobs ?? 0) + 1)
}

/** vLLM writes -9999 for what JSON cannot. */
const clamped = (logprob: number): number => Math.max(logprob, -9999)

function* streamed(engine: DoubleEngine, options: VllmOptions, request: Completion, answers: readonly DoubleAnswer[]) {
  const head = { id: 'cmpl-1', object: 'text_completion', created: 1, model: request.model }
  for (const [index, answer] of answers.entries())
    for (const [i, token] of answer.tokens.entries()) {
      const last = i === answer.tokens.length - 1
      const piece: DoubleAnswer = { ...answer, tokens: [token] }
      const choice = choiceOf(engine, options, request, last ? piece : { ...piece, finish: 'length' }, index)
      const ending = last ? {} : { finish_reason: null, stop_reason: null }
      yield JSON.stringify({ ...head, choices: [{ ...choice, ...ending }] })
    }
  yield '[DONE]'
}

/** Token i reads as 'abc...'[i]; the end of a sequence has no text. */
export const textOf = ({ eos }: DoubleEngine, tokens: readonly number[]): string =>
  tokens.map((id) => (id === eos ? '' : String.fromCharCode(0x61 + id))).join('')

/** And back; other characters read as one of the letters too. */
export function idsOf(text: string, vocabSize: number): number[] {
  return Array.from(text, (letter) => (((letter.codePointAt(0)! - 0x61) % vocabSize) + vocabSize) % vocabSize)
}

const conversation = z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })) })

function tokenize(engine: DoubleEngine, { encode, render }: VllmOptions, body: unknown): DoubleReply {
  const spoken = conversation.safeParse(body)
  const text = spoken.success ? render(spoken.data.messages) : z.object({ prompt: z.string() }).parse(body).prompt
  const tokens = encode(text)
  return { json: { count: tokens.length, max_model_len: engine.contextLength, tokens } }
}

function render(options: VllmOptions, body: unknown): DoubleReply {
  const prompt = options.render(conversation.parse(body).messages)
  return { json: { prompt, prompt_token_ids: options.encode(prompt) } }
}

/** The chat template of the double: the messages' own texts, one after another. */
export const rendered = (messages: readonly { content: string }[]): string =>
  messages.map(({ content }) => content).join('')
