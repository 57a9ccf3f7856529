import { z } from 'zod'
import { type ProbeResult, type ProbeSubject, probeTexts, tokenizerProblems } from '../engine-probe.ts'
import type { UpstreamClient } from '../http/upstream-client.ts'
import { broken, llamaTokens, parsedLlamaReply } from './llama-wire.ts'

const modelList = z.object({
  data: z.array(z.object({ id: z.string(), meta: z.object({ n_vocab: z.number().int() }).loose().nullish() })),
})
const props = z.object({
  default_generation_settings: z.object({ n_ctx: z.number().int() }).loose(),
  model_path: z.string().nullish(),
})
const tokenised = z.object({ tokens: z.array(z.number().int()) })
const applied = z.object({ prompt: z.string() })

/** Short calls that tell what a llama-server serves and whether it is the model that the tokenizer belongs to. */
export async function probeLlama(
  client: UpstreamClient,
  subject: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { model, contextLength, identity } = await identify(client, subject.model, signal)
  const ids = subject.tokenizer.encode(probeTexts[0], false)
  const body = { prompt: ids, n_predict: 1, n_probs: 5, temperature: 0, return_tokens: true, logit_bias: [] }
  const reply = parsedLlamaReply(client.name, await client.json('/completion', body, { signal }))
  const tokens = llamaTokens(client.name, reply, 5)
  return {
    abilities: {
      mostTop: tokens.length > 0 ? Number.POSITIVE_INFINITY : 0,
      logprobs: 'raw',
      tokenIds: tokens.length > 0,
      chosenLogprobs: false,
      several: false,
      batches: false,
      models: [model],
      contextLength,
      guides: [],
      distinctLogits: true,
    },
    identity,
    problems: await tokenizerProblems(
      subject,
      (text) => tokensOf(client, text, signal),
      (messages) => renderedTokensOf(client, messages, signal),
    ),
  }
}

/** Changes when the server runs another model file or context. */
export async function llamaIdentity(client: UpstreamClient, model: string, signal: AbortSignal): Promise<string> {
  return (await identify(client, model, signal)).identity
}

async function identify(client: UpstreamClient, model: string, signal: AbortSignal) {
  const list = modelList.safeParse(await client.json('/v1/models', undefined, { signal }))
  const known = props.safeParse(await client.json('/props', undefined, { signal }))
  if (!list.success || !known.success) throw broken(client.name, 'does not tell its model from /v1/models and /props')
  const own = list.data.data.find(({ id }) => id === model)
  if (own === undefined)
    throw broken(client.name, `serves no model '${model}' (it has ${list.data.data.map(({ id }) => id).join(', ')})`)
  const contextLength = known.data.default_generation_settings.n_ctx
  const identity = `${model} ${known.data.model_path ?? ''} ${own.meta?.n_vocab ?? ''} ${contextLength}`
  return { model: own.id, contextLength, identity }
}

async function renderedTokensOf(client: UpstreamClient, messages: object, signal: AbortSignal) {
  const reply = applied.safeParse(await client.json('/apply-template', { messages }, { signal }))
  if (!reply.success) throw broken(client.name, 'sent no prompt from /apply-template')
  return await tokensOf(client, reply.data.prompt, signal)
}

async function tokensOf(client: UpstreamClient, content: string, signal: AbortSignal): Promise<readonly number[]> {
  const body = { content, add_special: false, parse_special: true }
  const reply = tokenised.safeParse(await client.json('/tokenize', body, { signal }))
  if (!reply.success) throw broken(client.name, 'sent no tokens from /tokenize')
  return reply.data.tokens
}
