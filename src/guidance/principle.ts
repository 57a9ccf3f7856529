import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'
import { InvalidRequestError } from '../decoding/errors.ts'
import type { PrincipleGuide } from './guide-catalogue.ts'
import type { ModelDirectory, PromptSource } from './prompt-source.ts'
import type { Tilt } from './tilt.ts'
import type { WeightedGuide } from './weighted-guide.ts'

/**
 * The base given an instruction, minus the base: weight * (log p(v | principle, x) - log p(v | x)). Weight 1 alone is the base
 * with the instruction in its prompt; above 1 it follows more strictly than any prompt makes it, below 0 it avoids.
 * @throws InvalidRequestError when there is no conversation to put the instruction into, or the template leaves it out
 */
export function principle(
  guide: WeightedGuide,
  definition: PrincipleGuide,
  prompt: PromptSource,
  models: ModelDirectory,
): Tilt {
  const { model, adapter } = prompt.base
  if (prompt.messages === undefined || !models.hasChatTemplate(model)) {
    const reason = prompt.messages === undefined ? 'use /v1/chat/completions' : `the model '${model}' has none`
    throw new InvalidRequestError(`A principle is a system message and needs a chat template: ${reason}.`, guide.param)
  }
  const promptIds = models.renderAndEncode(model, withPrinciple(prompt.messages, definition.text))
  if (isSamePrompt(promptIds, prompt.base.promptIds)) {
    throw new InvalidRequestError(
      `The principle would change nothing: the chat template of '${model}' ignores system messages.`,
      guide.param,
    )
  }
  return {
    name: guide.name,
    weight: guide.weight,
    parts: [
      { context: { model, adapter, promptIds }, sign: 1 },
      { context: prompt.base, sign: -1 },
    ],
  }
}

function isSamePrompt(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}

/** The conversation with the instruction at the end of its system message, or in a new one before it. */
export function withPrinciple(messages: readonly ChatMessage[], text: string): readonly ChatMessage[] {
  const [first, ...rest] = messages
  if (first?.role !== 'system' && first?.role !== 'developer') return [{ role: 'system', content: text }, ...messages]
  return [{ ...first, content: first.content === '' ? text : `${first.content}\n\n${text}` }, ...rest]
}
