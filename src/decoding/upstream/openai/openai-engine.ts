import { z } from 'zod'
import type { TokenizerAdapter } from '../../checkpoint/tokenizer.ts'
import { InvalidRequestError } from '../../errors.ts'
import { hasPenalties } from '../../penalties.ts'
import type { SamplingParams } from '../../sampling-params.ts'
import type { UpstreamClient } from '../http/upstream-client.ts'
import { UpstreamError } from '../http/upstream-error.ts'
import type {
  EngineAbilities,
  EngineCall,
  EngineToken,
  StreamPiece,
  StreamRequest,
  TokenEngine,
} from '../token-engine.ts'

const chunk = z.looseObject({
  choices: z.array(z.looseObject({ text: z.string(), finish_reason: z.string().nullish() })).max(1),
})

/**
 * The OpenAI API's /v1/completions as text: prompts and answers are texts there, and ids are those that the tokenizer configured gives their text. They
 * count and cut answers here; the law of the answers is the server's own, and none of its probabilities is known.
 */
export class OpenaiEngine implements TokenEngine {
  readonly name: string
  readonly abilities: EngineAbilities
  readonly #client: UpstreamClient
  readonly #tokenizer: TokenizerAdapter
  /** Stands for the end that the server told. */
  readonly #end: number

  constructor(client: UpstreamClient, abilities: EngineAbilities, tokenizer: TokenizerAdapter, end: number) {
    this.name = client.name
    this.abilities = abilities
    this.#client = client
    this.#tokenizer = tokenizer
    this.#end = end
  }

  draft(): never {
    throw tokensNeeded('Guides')
  }

  readBlock(): never {
    throw tokensNeeded('Guides')
  }

  async *stream(request: StreamRequest, call: EngineCall): AsyncGenerator<StreamPiece> {
    const { model, promptIds, maxTokens, sampling, seed } = request
    const body = {
      model,
      prompt: this.#spelled(promptIds),
      max_tokens: maxTokens,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      // 53 bits are exact in JSON; some servers take no more than 31
      seed: Number(seed & 0x7fffffffn),
      stream: true,
    }
    let left = maxTokens
    let finish: string | undefined
    for await (const { data } of this.#client.events('/v1/completions', body, call)) {
      if (data === '[DONE]') continue
      const [choice] = this.#parsed(data).choices
      if (choice === undefined) continue
      const tokens = this.#tokensOf(choice.text)
      // their tokens may be longer than ours: what is beyond the limit is drawn again when it is wanted
      if (tokens.length > left) {
        yield { tokens: tokens.slice(0, left), finish: 'length' }
        return
      }
      left -= tokens.length
      finish ??= choice.finish_reason ?? undefined
      if (tokens.length > 0) yield { tokens, finish: undefined }
    }
    yield this.#ending(finish, left)
  }

  #ending(finish: string | undefined, left: number): StreamPiece {
    if (finish === 'length' || (finish === 'stop' && left === 0)) return { tokens: [], finish: 'length' }
    if (finish === 'stop') return { tokens: [this.#token(this.#end)], finish: 'stop' }
    const how = finish === undefined ? 'without saying why' : `for the reason '${finish}'`
    throw new UpstreamError('protocol', this.name, `ended a stream ${how}`)
  }

  /** @throws UpstreamError where the tokenizer configured cannot spell the text, so that it is another model's */
  #tokensOf(text: string): EngineToken[] {
    const ids = this.#tokenizer.encode(text, false)
    if (this.#spelled(ids) !== text)
      throw new UpstreamError('protocol', this.name, 'wrote a text that the tokenizer configured does not spell')
    return ids.map((id) => this.#token(id))
  }

  #token = (id: number): EngineToken => ({ id, logprob: Number.NaN, top: { ids: [], logprobs: [] } })

  /** Special tokens are written out, as templates write them; the server puts its own first token before a prompt. */
  #spelled(ids: readonly number[]): string {
    const { specialIds, bosTokenId } = this.#tokenizer
    const own = ids[0] === bosTokenId ? ids.slice(1) : ids
    const pieces = own.map((id) =>
      specialIds.has(id) ? Buffer.from(this.#tokenizer.tokenOf(id) ?? '') : this.#tokenizer.bytesOf(id),
    )
    return Buffer.concat(pieces).toString('utf8')
  }

  #parsed(data: string): z.output<typeof chunk> {
    const parsed = chunk.safeParse(jsonOf(data))
    if (parsed.success) return parsed.data
    throw new UpstreamError('protocol', this.name, 'sent what is no chunk of a completion')
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const remedy =
  'Serve the model by vLLM, SGLang or llama-server and say so in the `kind` of its upstream (docs/upstreams-guidance.md).'

const tokensNeeded = (what: string, param = 'alignment') =>
  new InvalidRequestError(
    `${what} need tokens and their probabilities, which the OpenAI API does not tell. ${remedy}`,
    param,
  )

/**
 * What cannot be had of a server that speaks text alone.
 * @throws InvalidRequestError naming the field, with the remedy
 */
export function assertTextOnly(guided: boolean, sampling: SamplingParams): void {
  if (guided) throw tokensNeeded('Guides')
  if (sampling.trace) throw tokensNeeded('A trace and weights towards a global target', 'alignment.trace')
  if (sampling.topLogprobs !== undefined) throw tokensNeeded('Log-probabilities', 'logprobs')
  const unknown = [
    [sampling.topK !== undefined, 'top_k'],
    [sampling.minP > 0, 'min_p'],
    [sampling.ignoreEos, 'ignore_eos'],
    [sampling.stopTokenIds.length > 0, 'stop_token_ids'],
    [sampling.logitBias.size > 0, 'logit_bias'],
    [hasPenalties(sampling), 'presence_penalty'],
  ] as const
  for (const [given, field] of unknown) if (given) throw unheard(field)
}

const unheard = (field: string) =>
  new InvalidRequestError(
    `'${field}' cannot be kept where answers are continued as text: leave it out. ${remedy}`,
    field,
  )
