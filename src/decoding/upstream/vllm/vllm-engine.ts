import { allOrNone } from '../all-or-none.ts'
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
import { rankedDepth } from '../token-engine.ts'
import { tiltFields } from './vllm-guides.ts'
import { bareTokensOf, broken, parsedReply, reportedOf, tokensOf } from './vllm-wire.ts'

/** vLLM's /v1/completions with prompts of token ids (vLLM 0.11 and newer). */
export class VllmEngine implements TokenEngine {
  readonly name: string
  readonly abilities: EngineAbilities
  readonly #client: UpstreamClient

  constructor(client: UpstreamClient, abilities: EngineAbilities) {
    this.name = client.name
    this.abilities = abilities
    this.#client = client
  }

  async draft(request: DraftRequest, call: EngineCall): Promise<readonly Draft[]> {
    const body = {
      ...plainFields(request.model, request.promptIds),
      max_tokens: request.maxTokens,
      n: request.count,
      temperature: request.greedy ? 0 : 1,
      top_k: request.topK ?? -1,
      seed: wireSeed(request.seed),
      logprobs: wireTop(request.top),
      ignore_eos: request.ignoreEos,
      stop_token_ids: request.stopTokenIds,
    }
    const choices = parsedReply(this.name, await this.#client.json('/v1/completions', body, call), request.model)
    if (choices.length !== request.count)
      throw broken(this.name, `sent ${choices.length} drafts instead of ${request.count}`)
    return [...choices]
      .sort((a, b) => a.index - b.index)
      .map((choice) => {
        const tokens = tokensOf(this.name, choice, request.top)
        if (tokens.length === 0 || tokens.length > request.maxTokens)
          throw broken(this.name, `drafted ${tokens.length} tokens instead of ${request.maxTokens}`)
        return { tokens, ended: finishOf(this.name, choice.finish_reason) === 'stop' }
      })
  }

  /**
   * One prompt for each beginning of the block: the prefix cache knows all but the last token or two of each. A call has one list of
   * ids for all of its prompts, so that there are as many calls as keep each list within what the server reports.
   */
  async readBlock(request: BlockRequest, call: EngineCall): Promise<readonly ReportedLaw[]> {
    const { block, wanted } = request
    const most = this.abilities.chosenLogprobs && wanted !== 'whole' ? this.abilities.mostTop : Number.POSITIVE_INFINITY
    const groups = grouped(wanted === 'whole' ? block.map(() => []) : wanted, most)
    const runs = groups.map((positions) => (signal: AbortSignal) => {
      return this.#readPositions(request, positions, { ...call, signal })
    })
    return (await allOrNone(call.signal, runs)).flat()
  }

  async #readPositions(
    { model, prefix, block, wanted }: BlockRequest,
    positions: readonly number[],
    call: EngineCall,
  ): Promise<readonly ReportedLaw[]> {
    const prompts = positions.map((at) => [...prefix, ...block.slice(0, at)])
    const body = {
      ...plainFields(model, prompts),
      max_tokens: 1,
      temperature: 0,
      top_k: -1,
      ...wantedFields(wanted === 'whole' ? wanted : positions.map((at) => wanted[at]!), this.abilities),
      ignore_eos: true,
    }
    const choices = parsedReply(this.name, await this.#client.json('/v1/completions', body, call), model)
    if (choices.length !== positions.length)
      throw broken(this.name, `read ${choices.length} positions of a block of ${positions.length}`)
    const ranked = wanted === 'whole' || !this.abilities.chosenLogprobs
    return [...choices]
      .sort((a, b) => a.index - b.index)
      .map((choice) => {
        const entries = choice.logprobs?.top_logprobs[0]
        if (entries == null) throw broken(this.name, 'sent no log-probabilities')
        return { tokens: reportedOf(this.name, entries), ranked }
      })
  }

  async *stream(request: StreamRequest, call: EngineCall): AsyncGenerator<StreamPiece> {
    const { model, promptIds, maxTokens, sampling, seed, stopTokenIds } = request
    // those of before the guides are of no use, and making them costs the engine a pass over the vocabulary
    const told = request.tilt === undefined || this.abilities.logprobs !== 'raw'
    const body = {
      ...plainFields(model, promptIds),
      ...samplingFields(sampling),
      ...tiltFields(request.tilt),
      max_tokens: maxTokens,
      seed: wireSeed(seed),
      ...(told ? { logprobs: request.top ?? 0 } : {}),
      ignore_eos: sampling.ignoreEos,
      stop_token_ids: stopTokenIds,
      stream: true,
    }
    let finished = false
    for await (const { data } of this.#client.events('/v1/completions', body, call)) {
      // read to the very end, the connection can be used again
      if (data === '[DONE]') continue
      const [choice] = parsedReply(this.name, parsedJson(this.name, data), model)
      if (choice === undefined) continue
      const finish = finishOf(this.name, choice.finish_reason)
      const tokens = told ? tokensOf(this.name, choice, request.top ?? 0) : bareTokensOf(this.name, choice)
      yield { tokens, finish }
      finished ||= finish !== undefined
    }
    if (!finished) throw broken(this.name, 'ended a stream without saying why')
  }
}

/** Everything that would change the law is sent, for engines fill what is absent from the model's generation_config.json. */
const plainFields = (model: string, prompt: readonly number[] | readonly (readonly number[])[]) => ({
  model,
  prompt,
  top_p: 1,
  min_p: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  add_special_tokens: false,
  skip_special_tokens: false,
  spaces_between_special_tokens: false,
  return_token_ids: true,
  return_tokens_as_token_ids: true,
})

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

function wantedFields(wanted: BlockRequest['wanted'], { chosenLogprobs, mostTop }: EngineAbilities) {
  if (wanted === 'whole') return { logprobs: -1 }
  if (!chosenLogprobs) return { logprobs: wireTop(Math.min(mostTop, rankedDepth(wanted))) }
  const ids = [...new Set(wanted.flat())]
  // the reply is cut to as many entries as `logprobs` says, the ids asked for included
  return { logprobs: Math.min(ids.length, mostTop), logprob_token_ids: ids }
}

/** Successive positions whose wanted ids are together no more than `most`, or single ones. */
function grouped(wanted: readonly (readonly number[])[], most: number): readonly (readonly number[])[] {
  const groups: number[][] = []
  let union = new Set<number>()
  for (const [at, ids] of wanted.entries()) {
    const joined = new Set([...union, ...ids])
    const group = groups.at(-1)
    if (group !== undefined && joined.size <= most) group.push(at)
    else groups.push([at])
    union = group !== undefined && joined.size <= most ? joined : new Set(ids)
  }
  return groups
}

const wireTop = (top: number): number => (top === Number.POSITIVE_INFINITY ? -1 : top)

/** JSON numbers are exact up to 2^53. */
const wireSeed = (seed: bigint): number => Number(BigInt.asUintN(52, seed))

function finishOf(upstream: string, reason: string | null | undefined): StreamPiece['finish'] {
  if (reason == null) return undefined
  if (reason === 'stop' || reason === 'length') return reason
  throw broken(upstream, `ended an answer with '${reason}'`)
}

function parsedJson(upstream: string, data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (cause) {
    throw broken(upstream, `sent a frame that is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
