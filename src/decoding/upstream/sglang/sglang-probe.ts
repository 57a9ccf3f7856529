import { z } from 'zod'
import { type ProbeResult, type ProbeSubject, probeTexts, tokenizerProblems } from '../engine-probe.ts'
import type { UpstreamClient } from '../http/upstream-client.ts'
import { broken, parsedReplies } from './sglang-wire.ts'

const modelList = z.object({
  data: z.array(z.object({ id: z.string(), parent: z.string().nullish(), max_model_len: z.number().int().nullish() })),
})
const modelInfo = z.looseObject({ model_path: z.string() })
const tokenised = z.object({ tokens: z.array(z.number().int()) })

/** Short calls that tell whether an SGLang server answers in its documented format and is the model that the tokenizer belongs to. */
export async function probeSglang(
  client: UpstreamClient,
  subject: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { models, contextLength, identity } = await identify(client, subject.model, signal)
  const ids = subject.tokenizer.encode(probeTexts[0], false)
  const wanted = [...new Set([ids[0]!, ids.at(-1)!])]
  const body = {
    input_ids: [ids],
    sampling_params: [{ max_new_tokens: 1, temperature: 1, top_p: 1, top_k: -1, min_p: 0 }],
    return_logprob: true,
    top_logprobs_num: 5,
    token_ids_logprob: [wanted],
    logprob_start_len: ids.length - 2,
  }
  const [reply] = parsedReplies(client.name, await client.json('/generate', body, { signal }), 1)
  const { output_token_logprobs, output_top_logprobs, input_token_ids_logprobs } = reply!.meta_info
  const chosen = input_token_ids_logprobs?.at(-1)?.map(([, id]) => id) ?? []
  return {
    abilities: {
      mostTop: output_top_logprobs?.[0]?.length === 5 ? Number.POSITIVE_INFINITY : 0,
      // before top_k and top_p, and at the temperature of 1 that drafts have
      logprobs: output_token_logprobs?.length === 1 ? 'raw' : undefined,
      tokenIds: output_token_logprobs?.length === 1,
      chosenLogprobs: wanted.every((id) => chosen.includes(id)),
      several: true,
      batches: true,
      models,
      contextLength,
      guides: [],
      distinctLogits: false,
    },
    identity,
    problems: await tokenizerProblems(
      subject,
      (text) => tokensOf(client, { prompt: text, add_special_tokens: false }, signal),
      (messages) => tokensOf(client, { messages, add_generation_prompt: true }, signal),
    ),
  }
}

/** Changes when the server runs another checkpoint. */
export async function sglangIdentity(client: UpstreamClient, model: string, signal: AbortSignal): Promise<string> {
  return (await identify(client, model, signal)).identity
}

async function identify(client: UpstreamClient, model: string, signal: AbortSignal) {
  const list = modelList.safeParse(await client.json('/v1/models', undefined, { signal }))
  const info = modelInfo.safeParse(await client.json('/get_model_info', undefined, { signal }))
  if (!list.success || !info.success)
    throw broken(client.name, 'does not tell its model from /v1/models and /get_model_info')
  const { data } = list.data
  const names = data.map(({ id }) => id)
  if (!names.includes(model))
    throw broken(client.name, `serves no model '${model}' (it has ${names.join(', ') || 'none'})`)
  // the base first: whatever is not it is an adapter
  const base = data.find(({ parent }) => parent == null)
  const models = [...(base === undefined ? [] : [base.id]), ...names.filter((name) => name !== base?.id)]
  const contextLength = base?.max_model_len ?? undefined
  return { models, contextLength, identity: `${model} ${info.data.model_path} ${contextLength ?? ''}` }
}

async function tokensOf(client: UpstreamClient, body: object, signal: AbortSignal): Promise<readonly number[]> {
  const reply = tokenised.safeParse(await client.json('/tokenize', body, { signal }))
  if (!reply.success) throw broken(client.name, 'sent no tokens from /tokenize')
  return reply.data.tokens
}
