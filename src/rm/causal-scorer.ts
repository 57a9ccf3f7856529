import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'
import { CheckpointError, InvalidRequestError } from '../decoding/errors.ts'
import type { LoadedModel } from '../decoding/local/engine-options.ts'
import type { LogprobTerm } from '../decoding/local/token-logprobs.ts'
import type { Answer, Question } from './reward.ts'
import type { RewardCatalogue } from './reward-catalogue.ts'
import { contextExceeded, refuseHopelessText } from './reward-context.ts'

/** What gives tokens their log-probabilities: the local engine. */
export interface CausalScorer {
  readonly models: ReadonlyMap<string, LoadedModel>
  /** Natural log of each token's probability at temperature 1, given the prompt and the tokens before it. */
  tokenLogprobs(term: LogprobTerm, ids: readonly number[], signal: AbortSignal): Promise<Float64Array>
}

/** A causal language model as a reward reads it. */
export interface CausalReader {
  readonly model: string
  readonly adapter: string | undefined
  /** An instruction it is given in its system message. */
  readonly principle: string | undefined
}

/** The models that rewards read answers with. */
export function scoringModels(catalogue: RewardCatalogue): ReadonlySet<string> {
  const models = [...catalogue.values()].flatMap((definition) => {
    if (definition.kind === 'arm') return [definition.reader.model]
    return definition.kind === 'implicit' ? [definition.policy.model, definition.reference.model] : []
  })
  return new Set(models)
}

/** @throws CheckpointError for a model that is not loaded */
export function findModel(reward: string, model: string, { models }: CausalScorer): LoadedModel {
  const found = models.get(model)
  if (found !== undefined) return found
  throw new CheckpointError(model, `the reward '${reward}' needs this model; loaded: ${[...models.keys()].join(', ')}`)
}

/** @throws CheckpointError for a model or adapter that is not loaded */
export function findReader(reward: string, { model, adapter }: CausalReader, scorer: CausalScorer): LoadedModel {
  const found = findModel(reward, model, scorer)
  if (adapter !== undefined && !found.adapterNames.includes(adapter))
    throw new CheckpointError(
      found.source,
      `the reward '${reward}' needs its adapter '${adapter}'; loaded: ${found.adapterNames.join(', ') || 'none'}`,
    )
  return found
}

/**
 * The prompt that the answers stand behind: the messages through the model's chat template, or the text of a completion.
 * @throws InvalidRequestError (param "messages") for a conversation that the model cannot be given, or lacks
 */
export function promptIdsOf(
  reward: string,
  question: Question,
  principle: string | undefined,
  model: LoadedModel,
): readonly number[] {
  const { chatTemplate, name } = model
  if (question.messages === undefined) {
    if (principle === undefined) return encoded(reward, question.text, true, model)
    throw new InvalidRequestError(
      `The reward '${reward}' puts a principle into the system message and needs messages, not a prompt.`,
      'messages',
    )
  }
  if (chatTemplate === undefined)
    throw new InvalidRequestError(
      `The reward '${reward}' cannot read messages: its model '${name}' has no chat template. Give a prompt.`,
      'messages',
    )
  const messages = principle === undefined ? question.messages : withInstruction(question.messages, principle)
  return encoded(reward, chatTemplate.render(messages), false, model)
}

function encoded(reward: string, text: string, addSpecialTokens: boolean, model: LoadedModel): readonly number[] {
  refuseHopelessText(reward, text, model)
  return model.tokenizer.encode(text, addSpecialTokens)
}

/** The conversation with the instruction at the end of its system message, or in a new one before it. */
function withInstruction(messages: readonly ChatMessage[], text: string): readonly ChatMessage[] {
  const [first, ...rest] = messages
  if (first?.role !== 'system' && first?.role !== 'developer') return [{ role: 'system', content: text }, ...messages]
  return [{ ...first, content: first.content === '' ? text : `${first.content}\n\n${text}` }, ...rest]
}

/** The answer's own tokens, if they spell its text in this vocabulary too; otherwise the text's. */
export function answerIdsOf(reward: string, { ids, text }: Answer, model: LoadedModel): readonly number[] {
  const { tokenizer } = model
  const spelled = ids !== undefined && Buffer.concat(ids.map((id) => tokenizer.bytesOf(id))).equals(Buffer.from(text))
  return spelled ? ids : encoded(reward, text, false, model)
}

/**
 * The log-probabilities that a reader gives an answer's tokens.
 * @throws InvalidRequestError when prompt and answer do not fit its context
 */
export async function readTokens(
  reward: string,
  reader: CausalReader,
  promptIds: readonly number[],
  ids: readonly number[],
  scorer: CausalScorer,
  signal: AbortSignal,
): Promise<Float64Array> {
  const model = findModel(reward, reader.model, scorer)
  const tokens = promptIds.length + ids.length
  if (tokens > model.contextLength) throw contextExceeded(reward, model, tokens)
  return await scorer.tokenLogprobs({ model: reader.model, adapter: reader.adapter, promptIds }, ids, signal)
}
