import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'
import type { ToolOffer } from '../decoding/tool-calls.ts'
import type { TermContext } from './tilt.ts'

/** What a request's contexts can be made of. */
export interface PromptSource {
  /** The model asked for, behind the prompt as the request gives it. */
  readonly base: TermContext
  /** Undefined for /v1/completions, whose prompt is not a conversation. */
  readonly messages: readonly ChatMessage[] | undefined
}

/** The loaded models, as far as guides need to know them. */
export interface ModelDirectory {
  readonly names: readonly string[]
  /** Whether both give every token the same id, so that their logits can be added. */
  sharesVocabulary(model: string, other: string): boolean
  hasChatTemplate(model: string): boolean
  /**
   * Ids of the prompt that asks `model`, through its own chat template, for the next assistant message.
   * @throws InvalidRequestError (param "messages") when the template refuses the messages
   */
  renderAndEncode(model: string, messages: readonly ChatMessage[]): readonly number[]
  /** The same, with every prompt telling of the tools. */
  withTools(offer: ToolOffer): ModelDirectory
}
