import { z } from 'zod'
import { type ProbeResult, type ProbeSubject, probeMessages, probeTexts } from '../engine-probe.ts'
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
    },
    identity,
    problems: await tokenizerProblems(client, subject, signal),
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

async function tokenizerProblems(client: UpstreamClient, subject: ProbeSubject, signal: AbortSignal) {
  const { tokenizer, chatTemplate } = subject
  for (const content of probeTexts) {
    const theirs = await tokensOf(client, content, signal)
    const ours = tokenizer.encode(content, false)
    if (!same(theirs, ours))
      return [`it tokenises ${JSON.stringify(content)} as ${theirs}, the tokenizer configured as ${ours}`]
  }
  if (chatTemplate === undefined) return []
  const reply = applied.safeParse(await client.json('/apply-template', { messages: probeMessages }, { signal }))
  if (!reply.success) throw broken(client.name, 'sent no prompt from /apply-template')
  // the prompt may come without the BOS that the server adds by itself
  const theirs = withoutBos(await tokensOf(client, reply.data.prompt, signal), tokenizer.bosTokenId)
  const ours = withoutBos(tokenizer.encode(chatTemplate.render(probeMessages), false), tokenizer.bosTokenId)
  return same(theirs, ours) ? [] : ['its chat template renders messages otherwise than the one configured']
}

async function tokensOf(client: UpstreamClient, content: string, signal: AbortSignal): Promise<readonly number[]> {
  const body = { content, add_special: false, parse_special: true }
  const reply = tokenised.safeParse(await client.json('/tokenize', body, { signal }))
  if (!reply.success) throw broken(client.name, 'sent no tokens from /tokenize')
  return reply.data.tokens
}

const withoutBos = (ids: readonly number[], bos: number | undefined): readonly number[] =>
  ids[0] === bos ? ids.slice(1) : ids

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i])
