import { allOrNone } from '../all-or-none.ts'
import type { UpstreamClient } from '../http/upstream-client.ts'
import {
  type BlockRequest,
  type Draft,
  type DraftRequest,
  type EngineAbilities,
  type EngineCall,
  type EngineToken,
  type ReportedLaw,
  rankedDepth,
  type StreamPiece,
  type StreamRequest,
  type TokenEngine,
} from '../token-engine.ts'
import { broken, type LlamaReply, type LlamaToken, llamaTokens, parsedLlamaReply } from './llama-wire.ts'

/** Tokens of one call of an unguided answer: its streams leave out the ids inside of characters, whole replies do not. */
const pieceTokens = 16

/** llama-server's /completion with prompts of token ids; it serves one model, whatever it is called. */
export class LlamaEngine implements TokenEngine {
  readonly name: string
  readonly abilities: EngineAbilities
  readonly #client: UpstreamClient
  readonly #vocabSize: number
  readonly #plainId: number

  /** @param plainId a token that is a whole character, such as a letter */
  constructor(client: UpstreamClient, abilities: EngineAbilities, vocabSize: number, plainId: number) {
    this.name = client.name
    this.abilities = abilities
    this.#client = client
    this.#vocabSize = vocabSize
    this.#plainId = plainId
  }

  /** One call for each draft: what seeds the children of one call get is not documented. */
  async draft(request: DraftRequest, call: EngineCall): Promise<readonly Draft[]> {
    const runs = Array.from({ length: request.count }, (_, index) => (signal: AbortSignal) => {
      return this.#draftOne(request, index, { ...call, signal })
    })
    return await allOrNone(call.signal, runs)
  }

  async readBlock({ prefix, block, wanted }: BlockRequest, call: EngineCall): Promise<readonly ReportedLaw[]> {
    const top = wanted === 'whole' ? this.#vocabSize : Math.min(this.#vocabSize, rankedDepth(wanted))
    const runs = block.map((_, at) => async (signal: AbortSignal) => {
      return { tokens: await this.#row([...prefix, ...block.slice(0, at)], top, { ...call, signal }), ranked: true }
    })
    return await allOrNone(call.signal, runs)
  }

  async *stream(request: StreamRequest, call: EngineCall): AsyncGenerator<StreamPiece> {
    const { promptIds, sampling } = request
    const tokens = Math.min(request.maxTokens, pieceTokens)
    const top = Math.max(1, request.top ?? 1)
    const body = {
      ...plainFields(promptIds),
      ...samplingFields(sampling),
      // all of the context; newer servers refuse -1, the older ones' word for it
      repeat_last_n: promptIds.length + tokens,
      n_predict: tokens,
      seed: wireSeed(request.seed, 0),
      n_probs: top,
    }
    const drawn = llamaTokens(this.name, await this.#complete(body, call), top)
    const complete = await this.#withLaws(drawn, promptIds, top, call)
    const ended = endsAt(drawn, request.stopTokenIds)
    for (const [at, token] of complete.entries()) {
      const finish = at < complete.length - 1 ? undefined : ended ? 'stop' : 'length'
      yield { tokens: [withTop(token, request.top ?? 0)], finish }
    }
  }

  async #draftOne(request: DraftRequest, index: number, call: EngineCall): Promise<Draft> {
    const top = Math.min(request.top, this.#vocabSize)
    const body = {
      ...plainFields(request.promptIds),
      samplers: ['top_k', 'temperature'],
      top_k: request.topK ?? 0,
      temperature: request.greedy ? 0 : 1,
      n_predict: request.maxTokens,
      seed: wireSeed(request.seed, index),
      n_probs: top,
    }
    const drawn = llamaTokens(this.name, await this.#complete(body, call), top)
    if (drawn.length === 0) throw broken(this.name, `drafted no token of ${request.maxTokens}`)
    const tokens = await this.#withLaws(drawn, request.promptIds, top, call)
    return { tokens, ended: endsAt(drawn, request.stopTokenIds) }
  }

  /**
   * The laws that were not reported are asked for. Leaving such tokens out instead would be biased: whether a token is there
   * would depend on what it is.
   */
  #withLaws(drawn: readonly LlamaToken[], prompt: readonly number[], top: number, call: EngineCall) {
    const runs = drawn.map((token, at) => (signal: AbortSignal) => {
      return this.#withLaw(token, [...prompt, ...drawn.slice(0, at).map(({ id }) => id)], top, { ...call, signal })
    })
    return allOrNone(call.signal, runs)
  }

  async #withLaw(
    { id, law }: LlamaToken,
    behind: readonly number[],
    top: number,
    call: EngineCall,
  ): Promise<EngineToken> {
    if (law !== undefined) return { id, ...law }
    // whole rows are megabytes, and most of what is drawn is among the most likely tokens
    const most = await this.#row(behind, top, call)
    const row = most.ids.includes(id) ? most : await this.#row(behind, this.#vocabSize, call)
    const logprob = row.logprobs[row.ids.indexOf(id)] ?? Number.NEGATIVE_INFINITY
    return { id, logprob, top: { ids: row.ids.slice(0, top), logprobs: row.logprobs.slice(0, top) } }
  }

  /**
   * The law behind some ids. What is drawn there is forced to be a letter, for a draw inside of a character would be reported
   * without its law; log-probabilities are those before biases.
   */
  async #row(prompt: readonly number[], top: number, call: EngineCall) {
    const body = {
      ...plainFields(prompt),
      samplers: [],
      temperature: 0,
      n_predict: 1,
      n_probs: top,
      logit_bias: [[this.#plainId, 1e6]],
    }
    const [token] = llamaTokens(this.name, await this.#complete(body, call), top)
    if (token?.law === undefined) throw broken(this.name, 'sent no log-probabilities')
    return token.law.top
  }

  async #complete(body: object, call: EngineCall): Promise<LlamaReply> {
    return parsedLlamaReply(this.name, await this.#client.json('/completion', body, call))
  }
}

/**
 * The server ends a call at every token that its vocabulary takes for an end, often more of them than the model's configuration
 * names, and ignore_eos forbids them all instead of going on. So it is never sent, and a call that ends where no answer does is
 * a short one: the next goes on behind it.
 */
const endsAt = (drawn: readonly LlamaToken[], ends: readonly number[]): boolean => {
  const last = drawn.at(-1)
  return last !== undefined && ends.includes(last.id)
}

/** Everything that would change the law is sent: the server's own defaults are top_k 40, top_p .95, min_p .05 and temperature .8. */
const plainFields = (prompt: readonly number[]) => ({
  prompt,
  top_p: 1,
  min_p: 0,
  typical_p: 1,
  top_k: 0,
  repeat_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  dry_multiplier: 0,
  xtc_probability: 0,
  mirostat: 0,
  cache_prompt: true,
  return_tokens: true,
  stream: false,
})

/** In the order of our own sampler, penalties over the whole context as the server counts them. */
const samplingFields = (sampling: StreamRequest['sampling']) => ({
  samplers: ['penalties', 'temperature', 'top_k', 'top_p', 'min_p'],
  temperature: sampling.temperature,
  top_k: sampling.topK ?? 0,
  top_p: sampling.topP,
  min_p: sampling.minP,
  repeat_penalty: sampling.repetitionPenalty,
  presence_penalty: sampling.presencePenalty,
  frequency_penalty: sampling.frequencyPenalty,
  logit_bias: [...sampling.logitBias],
})

/** Seeds have 32 bits, of which the highest value asks for a random one. */
const wireSeed = (seed: bigint, index: number): number => Number((seed + BigInt(index)) % (2n ** 32n - 1n))

const withTop = (token: EngineToken, top: number): EngineToken => ({
  ...token,
  top: { ids: token.top.ids.slice(0, top), logprobs: token.top.logprobs.slice(0, top) },
})
