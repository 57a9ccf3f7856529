import type { Decoder, SequenceRequest } from '../decoding/decoder.ts'
import { ContextLengthError, InvalidRequestError, UnknownModelError } from '../decoding/errors.ts'
import { promptSeed } from '../decoding/rng.ts'
import type { ServedModel } from '../decoding/served-model.ts'
import { defaultSpeculation, SpeculationMeter } from '../decoding/speculation.ts'
import { type Alignment, align } from '../guidance/alignment.ts'
import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import type { GuideCatalogue } from '../guidance/guide-catalogue.ts'
import type { ModelDirectory } from '../guidance/prompt-source.ts'
import type { RewardDirectory } from '../guidance/reward-directory.ts'
import { type WholeAnswerPlan, wholeAnswers } from '../guidance/whole-answers.ts'
import type { Question } from '../rm/reward.ts'
import type { GenerationRequest, Prompt } from './engine-messages.ts'
import { refuseHopelessPrompt } from './hopeless-prompt.ts'
import { planGrammar } from './plan-grammar.ts'
import { refuseHugeReply } from './reply-size.ts'
import { refuseManyAtOnce } from './side-by-side.ts'

/** The loaded engine with everything a request can refer to. */
export interface GenerationEngine {
  readonly decoder: Decoder
  readonly models: ReadonlyMap<string, ServedModel>
  readonly directory: ModelDirectory
  /** Whether a model is decoded over an upstream. */
  isUpstream(model: string): boolean
  readonly catalogue: GuideCatalogue
  readonly rewards: RewardDirectory
  /**
   * Makes sure that an upstream's model can be used; for models of the own engine there is nothing to do.
   * @throws UpstreamError; the signal's reason
   */
  prepare(model: string, signal: AbortSignal): Promise<void>
  /** Told that a call to an upstream failed. */
  doubt(upstream: string): void
  /** Most sequences that are running or waiting; absent: no bound. */
  readonly mostOpened?: number
}

/** One prompt, ready for a strategy. */
export interface PlannedPrompt {
  readonly request: SequenceRequest
  readonly alignment: Alignment
  readonly answers: WholeAnswerPlan
}

/**
 * Templates and tokenises the prompts and makes terms of their alignment.
 * @throws UnknownModelError, InvalidRequestError, ContextLengthError
 */
export function planGeneration(engine: GenerationEngine, request: GenerationRequest): readonly PlannedPrompt[] {
  const model = engine.models.get(request.model)
  if (model === undefined) throw new UnknownModelError(request.model, [...engine.models.keys()])
  for (const id of request.sampling.logitBias.keys()) assertInVocabulary(id, model, `logit_bias.${id}`)
  for (const [i, id] of request.sampling.stopTokenIds.entries()) assertInVocabulary(id, model, `stop_token_ids[${i}]`)
  const prompts = request.prompts.map((prompt, index) => planPrompt(engine, request, model, prompt, index))
  refuseManyAtOnce(engine, request, prompts)
  refuseHugeReply(request, prompts)
  return prompts
}

function planPrompt(
  engine: GenerationEngine,
  request: GenerationRequest,
  model: ServedModel,
  prompt: Prompt,
  index: number,
): PlannedPrompt {
  const directory = request.tools === undefined ? engine.directory : engine.directory.withTools(request.tools.offer)
  const base = { model: model.name, adapter: undefined, promptIds: promptIds(directory, model, prompt) }
  const messages = prompt.type === 'messages' ? prompt.messages : undefined
  const alignment = align(request.alignment ?? {}, engine.catalogue, { base, messages }, directory)
  const maxTokens = request.sampling.maxTokens ?? roomFor(engine, alignment, request.defaultMaxTokens)
  const seed = promptSeed(request.sampling.seed, index)
  const options = request.alignment ?? {}
  const sampling = { ...request.sampling, seed, maxTokens, trace: request.sampling.trace || readsTerms(options) }
  const question = questionOf(prompt, model, options)
  const answers = wholeAnswers(options, request.n, request.sampling, knownRewards(engine), question)
  const drafting = draftingOf(options, engine, model)
  const carried = request.traceparent === undefined ? {} : { traceparent: request.traceparent }
  const grammar = planGrammar(request, model)
  return { request: { terms: alignment.terms, sampling, ...drafting, ...carried, ...grammar }, alignment, answers }
}

/** How the answer is drafted, where an upstream decodes it. */
function draftingOf({ speculation }: AlignmentOptions, engine: GenerationEngine, { name }: ServedModel) {
  if (!engine.isUpstream(name)) {
    if (speculation === undefined) return {}
    throw new InvalidRequestError(
      `'${name}' runs on the own engine, whose guides see every token's whole row: nothing is drafted there.`,
      'alignment.speculation',
    )
  }
  const meter = new SpeculationMeter()
  if (speculation === undefined) return { meter }
  const given = Object.entries(speculation).filter(([, value]) => value !== undefined)
  return { speculation: { ...defaultSpeculation, ...Object.fromEntries(given) }, meter }
}

const knownRewards = ({ rewards, catalogue }: GenerationEngine) => ({ rewards, objectives: catalogue.objectives })

/** Weights towards the global target are made of what each model says of each token. */
const readsTerms = ({ particles }: AlignmentOptions): boolean => particles?.target === 'global'

function questionOf(prompt: Prompt, model: ServedModel, { references }: AlignmentOptions): Question {
  switch (prompt.type) {
    case 'messages': {
      const { messages } = prompt
      return { messages, text: messages.map(({ content }) => content).join('\n'), references }
    }
    case 'text':
      return { messages: undefined, text: prompt.text, references }
    case 'token-ids':
      return { messages: undefined, text: textOf(prompt.ids, model), references }
  }
}

const textOf = (ids: readonly number[], { tokenizer }: ServedModel): string =>
  Buffer.concat(ids.map((id) => tokenizer.bytesOf(id))).toString('utf8')

function promptIds(directory: ModelDirectory, model: ServedModel, prompt: Prompt): readonly number[] {
  switch (prompt.type) {
    case 'messages':
      if (model.chatTemplate === undefined) {
        throw new InvalidRequestError(
          `The model '${model.name}' has no chat template; use /v1/completions.`,
          'messages',
        )
      }
      return notEmpty(directory.renderAndEncode(model.name, prompt.messages), 'messages')
    case 'text':
      refuseHopelessPrompt(prompt.text, model)
      return notEmpty(model.tokenizer.encode(prompt.text, true), 'prompt')
    case 'token-ids':
      for (const [i, id] of prompt.ids.entries()) assertInVocabulary(id, model, `prompt[${i}]`)
      return prompt.ids
  }
}

function notEmpty(ids: readonly number[], param: string): readonly number[] {
  if (ids.length === 0) throw new InvalidRequestError('The prompt has no tokens.', param)
  return ids
}

function assertInVocabulary(id: number, model: ServedModel, param: string): void {
  if (model.tokenizer.tokenOf(id) !== undefined) return
  throw new InvalidRequestError(`'${param}': the token id ${id} is not in the vocabulary of '${model.name}'.`, param)
}

/** The longest answer that fits every context, capped. */
function roomFor(engine: GenerationEngine, alignment: Alignment, most: number): number {
  const rooms = alignment.terms.map(({ model, promptIds }) => {
    const limit = engine.models.get(model)?.contextLength ?? 0
    if (promptIds.length >= limit) throw new ContextLengthError(limit, promptIds.length, 1)
    return limit - promptIds.length
  })
  return Math.min(most, ...rooms)
}
