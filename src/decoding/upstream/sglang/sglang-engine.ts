import type { UpstreamClient } from '../http/upstream-client.ts'
import type {
  BlockRequest,
  Draft,
  DraftRequest,
  EngineAbilities,
  EngineCall,
  ReportedLaw,
  StreamPiece,
  StreamRequest,
  TokenEngine,
} from '../token-engine.ts'
import { broken, finishOf, lastTokens, parsedReplies, parsedReply, reported } from './sglang-wire.ts'

/** SGLang's native /generate with prompts of token ids; a model that is not its base is one of its LoRA adapters. */
export class SglangEngine implements TokenEngine {
  readonly name: string
  readonly abilities: EngineAbilities
  readonly #client: UpstreamClient
  readonly #vocabSize: number

  /** @param vocabSize asked for more log-probabilities than that, SGLang's scheduler dies */
  constructor(client: UpstreamClient, abilities: EngineAbilities, vocabSize: number) {
    this.name = client.name
    this.abilities = abilities
    this.#client = client
    this.#vocabSize = vocabSize
  }

  async draft(request: DraftRequest, call: EngineCall): Promise<readonly Draft[]> {
    const { count, maxTokens } = request
    const top = Math.min(request.top, this.#vocabSize)
    const sampling = (index: number) => ({
      ...plainSampling,
      max_new_tokens: maxTokens,
      temperature: request.greedy ? 0 : 1,
      top_k: request.topK ?? -1,
      sampling_seed: wireSeed(request.seed, index),
      ignore_eos: request.ignoreEos,
      stop_token_ids: request.stopTokenIds,
    })
    const body = {
      input_ids: Array.from({ length: count }, () => request.promptIds),
      sampling_params: Array.from({ length: count }, (_, index) => sampling(index)),
      ...this.#readingFields(request.model),
      top_logprobs_num: top,
    }
    const replies = parsedReplies(this.name, await this.#client.json('/generate', body, call), count)
    return replies.map((reply) => {
      const drawn = reply.meta_info.output_token_logprobs?.length ?? 0
      if (drawn === 0 || drawn > maxTokens) throw broken(this.name, `drafted ${drawn} tokens instead of ${maxTokens}`)
      return { tokens: lastTokens(this.name, reply, drawn, top), ended: finishOf(this.name, reply) === 'stop' }
    })
  }

  /** One pass over the whole block: what comes before it is in the prefix cache. */
  async readBlock({ model, prefix, block, wanted }: BlockRequest, call: EngineCall): Promise<readonly ReportedLaw[]> {
    const whole = wanted === 'whole'
    const body = {
      input_ids: [[...prefix, ...block]],
      sampling_params: [{ ...plainSampling, max_new_tokens: 1, temperature: 0, ignore_eos: true }],
      ...this.#readingFields(model),
      // the entry of the first token is null, so that reading begins one before the block
      logprob_start_len: prefix.length - 1,
      ...(whole ? { top_logprobs_num: this.#vocabSize } : { token_ids_logprob: [[...new Set(wanted.flat())]] }),
    }
    const [reply] = parsedReplies(this.name, await this.#client.json('/generate', body, call), 1)
    const rows = whole ? reply!.meta_info.input_top_logprobs : reply!.meta_info.input_token_ids_logprobs
    if (rows?.length !== block.length + 1)
      throw broken(this.name, `read ${(rows?.length ?? 0) - 1} positions of a block of ${block.length}`)
    return rows.slice(1).map((row) => {
      if (row === null) throw broken(this.name, 'sent no log-probabilities of a position')
      return { tokens: reported(this.name, row), ranked: whole }
    })
  }

  async *stream(request: StreamRequest, call: EngineCall): AsyncGenerator<StreamPiece> {
    const { model, promptIds, maxTokens, sampling, seed, stopTokenIds } = request
    const top = Math.min(request.top ?? 0, this.#vocabSize)
    const body = {
      input_ids: promptIds,
      sampling_params: {
        ...plainSampling,
        ...samplingFields(sampling),
        max_new_tokens: maxTokens,
        sampling_seed: wireSeed(seed, 0),
        ignore_eos: sampling.ignoreEos,
        stop_token_ids: stopTokenIds,
      },
      ...this.#readingFields(model),
      top_logprobs_num: top,
      stream: true,
    }
    let seen = 0
    let finished = false
    for await (const { data } of this.#client.events('/generate', body, call)) {
      if (data === '[DONE]') continue
      const reply = parsedReply(this.name, parsedJson(this.name, data))
      // lists are those of the whole answer or, by an option of the server, of this piece: the last ones are new in both
      const total = reply.meta_info.completion_tokens
      const finish = finishOf(this.name, reply)
      yield { tokens: lastTokens(this.name, reply, total - seen, top), finish }
      seen = total
      finished ||= finish !== undefined
    }
    if (!finished) throw broken(this.name, 'ended a stream without saying why')
  }

  #readingFields(model: string) {
    const adapter = model === this.abilities.models[0] ? {} : { lora_path: model }
    return { return_logprob: true, return_text_in_logprobs: false, ...adapter }
  }
}

const plainSampling = {
  top_p: 1,
  top_k: -1,
  min_p: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  skip_special_tokens: false,
  spaces_between_special_tokens: false,
} as const

const samplingFields = (sampling: StreamRequest['sampling']) => ({
  temperature: sampling.temperature,
  top_p: sampling.topP,
  top_k: sampling.topK ?? -1,
  min_p: sampling.minP,
  presence_penalty: sampling.presencePenalty,
  frequency_penalty: sampling.frequencyPenalty,
  repetition_penalty: sampling.repetitionPenalty,
  ...(sampling.logitBias.size === 0 ? {} : { logit_bias: Object.fromEntries(sampling.logitBias) }),
})

/** Honoured with --enable-deterministic-inference; 31 bits. */
const wireSeed = (seed: bigint, index: number): number => Number(BigInt.asUintN(31, seed + BigInt(index)))

function parsedJson(upstream: string, data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw broken(upstream, `sent a frame that is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
