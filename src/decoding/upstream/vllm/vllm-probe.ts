import { z } from 'zod'
import { logprobsMode, type ProbeResult, type ProbeSubject, probeTexts, tokenizerProblems } from '../engine-probe.ts'
import type { UpstreamClient } from '../http/upstream-client.ts'
import { UpstreamError } from '../http/upstream-error.ts'
import type { EngineAbilities } from '../token-engine.ts'
import { insideGuides } from './vllm-guides.ts'
import { broken, type CompletionChoice, parsedReply, reportedOf } from './vllm-wire.ts'

const modelList = z.object({
  data: z.array(
    z.object({ id: z.string(), root: z.string().nullish(), max_model_len: z.number().int().positive().nullish() }),
  ),
})

const tokenised = z.object({ tokens: z.array(z.number().int()) })

/** Caps that are tried, highest first; vLLM's own default is 20. */
const caps = [Number.POSITIVE_INFINITY, 1024, 512, 256, 128, 100, 64, 50, 32, 20, 10, 5, 2, 1] as const

/** Short calls that tell what a vLLM server allows and whether it is the model that the tokenizer belongs to. */
export async function probeVllm(
  client: UpstreamClient,
  subject: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const found = await namedModel(client, subject.model, signal)
  if (found.inside) return guideResult(found)
  const probe = new Probe(client, subject, signal)
  const { models, contextLength, identity } = found
  const { mostTop, first } = await probe.mostTop()
  const logprobs = mostTop >= 2 ? await probe.mode(Math.min(mostTop, 5)) : undefined
  const abilities: EngineAbilities = {
    mostTop,
    logprobs,
    distinctLogits: false,
    tokenIds: first?.token_ids?.length === 1,
    chosenLogprobs: mostTop > 0 && (await probe.chosen()),
    several: await probe.answers({ n: 2 }),
    batches: await probe.answers({ prompt: [probe.ids, probe.ids] }),
    models,
    contextLength,
    guides: (await insideGuides(client, subject.model, signal)).map(({ name }) => name),
  }
  return {
    abilities,
    identity,
    problems: await probe.problems(),
  }
}

/** Changes when the engine serves something else under the model's name. */
export async function vllmIdentity(client: UpstreamClient, model: string, signal: AbortSignal): Promise<string> {
  return (await namedModel(client, model, signal)).identity
}

interface NamedModel {
  readonly models: readonly string[]
  readonly contextLength: number | undefined
  readonly identity: string
  /** It is no model that the engine lists, but a guide inside of it. */
  readonly inside: boolean
}

function guideResult({ models, contextLength, identity }: NamedModel): ProbeResult {
  const nothing = {
    mostTop: 0,
    logprobs: undefined,
    distinctLogits: false,
    tokenIds: false,
    chosenLogprobs: false,
    several: false,
  }
  return {
    abilities: { ...nothing, batches: false, models, contextLength, guides: [] },
    identity,
    problems: [],
    inside: true,
  }
}

async function namedModel(client: UpstreamClient, model: string, signal: AbortSignal): Promise<NamedModel> {
  const parsed = modelList.safeParse(await client.json('/v1/models', undefined, { signal }))
  if (!parsed.success) throw broken(client.name, 'sent what is no list of models')
  const own = parsed.data.data.find(({ id }) => id === model)
  const models = parsed.data.data.map(({ id }) => id)
  if (own === undefined) return await namedGuide(client, model, models, signal)
  // an adapter's entry has no length of its own; it is its base's
  const contextLength = own.max_model_len ?? parsed.data.data.find(({ max_model_len }) => max_model_len)?.max_model_len
  // an adapter is what its base is, so that all roots count
  const identity = [model, contextLength, ...parsed.data.data.map(({ id, root }) => `${id}=${root}`)].join(' ')
  return { models, contextLength: contextLength ?? undefined, identity, inside: false }
}

/** The engine does not say which checkpoint a guide is; its size is all there is to know it by. */
async function namedGuide(client: UpstreamClient, name: string, models: readonly string[], signal: AbortSignal) {
  const [first] = models
  const guides = first === undefined ? [] : await insideGuides(client, first, signal)
  const guide = guides.find((one) => one.name === name)
  if (guide === undefined)
    throw broken(
      client.name,
      `serves no model '${name}' (it has ${[...models, ...names(guides)].join(', ') || 'none'})`,
    )
  const { vocabulary, context } = guide
  return { models, contextLength: context, identity: `guide ${name} ${vocabulary} ${context}`, inside: true }
}

const names = (guides: readonly { readonly name: string }[]): readonly string[] => guides.map(({ name }) => name)

class Probe {
  readonly ids: readonly number[]
  readonly #client: UpstreamClient
  readonly #subject: ProbeSubject
  readonly #signal: AbortSignal

  constructor(client: UpstreamClient, subject: ProbeSubject, signal: AbortSignal) {
    this.#client = client
    this.#subject = subject
    this.#signal = signal
    this.ids = subject.tokenizer.encode(probeTexts[0], false)
  }

  async mostTop(): Promise<{ mostTop: number; first: CompletionChoice | undefined }> {
    for (const cap of caps) {
      const [first] = (await this.#completion({ logprobs: Number.isFinite(cap) ? cap : -1 })) ?? []
      if (first?.logprobs != null) return { mostTop: cap, first }
    }
    const [first] = (await this.#completion({})) ?? []
    return { mostTop: 0, first }
  }

  async mode(top: number) {
    const [atOne, atHalf] = [await this.#top(top, 1), await this.#top(top, 0.5)]
    return logprobsMode(atOne, atHalf)
  }

  /** Two ids that are hardly the most likely ones. */
  async chosen(): Promise<boolean> {
    const wanted = [...new Set([this.ids[0]!, this.ids.at(-1)!])]
    const [choice] = (await this.#completion({ logprobs: wanted.length, logprob_token_ids: wanted })) ?? []
    const entries = choice?.logprobs?.top_logprobs[0]
    return entries != null && wanted.every((id) => `token_id:${id}` in entries)
  }

  async answers(change: object): Promise<boolean> {
    return (await this.#completion(change))?.length === 2
  }

  problems(): Promise<readonly string[]> {
    return tokenizerProblems(
      this.#subject,
      (prompt) => this.#tokens({ prompt, add_special_tokens: false }),
      (messages) => this.#tokens({ messages, add_generation_prompt: true }),
    )
  }

  async #top(top: number, temperature: number): Promise<readonly number[]> {
    const [choice] = (await this.#completion({ logprobs: top, temperature })) ?? []
    const entries = choice?.logprobs?.top_logprobs[0]
    if (entries == null) throw broken(this.#client.name, 'sent no log-probabilities')
    return reportedOf(this.#client.name, entries).logprobs.slice(0, top)
  }

  async #tokens(body: object): Promise<readonly number[]> {
    const reply = await this.#json('/tokenize', { model: this.#subject.model, ...body })
    const parsed = tokenised.safeParse(reply)
    if (!parsed.success) throw broken(this.#client.name, 'sent no tokens from /tokenize')
    return parsed.data.tokens
  }

  /** One token behind the probe's text, or undefined when the engine refuses the request. */
  async #completion(change: object): Promise<readonly CompletionChoice[] | undefined> {
    const plain = {
      temperature: 1,
      top_p: 1,
      top_k: -1,
      min_p: 0,
      return_token_ids: true,
      return_tokens_as_token_ids: true,
    }
    const body = { model: this.#subject.model, prompt: this.ids, max_tokens: 1, ...plain, ...change }
    try {
      return parsedReply(this.#client.name, await this.#json('/v1/completions', body), this.#subject.model)
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'status' && error.status! < 500) return undefined
      throw error
    }
  }

  #json(path: string, body: object): Promise<unknown> {
    return this.#client.json(path, body, { signal: this.#signal })
  }
}
