import { ApiProblem } from './api-problem.ts'
import type { GenerationRequest, ModelCard } from './engine-messages.ts'

/**
 * Each choice takes a place in the engine, whichever prompt it answers.
 * @throws ApiProblem
 */
export function refuseManyChoices({ prompts, n }: GenerationRequest, most: number): void {
  const count = prompts.length * n
  if (count <= most) return
  const asked = prompts.length === 1 ? '' : ` ${prompts.length} prompts with n = ${n} are ${count} choices;`
  const message = `'n':${asked} this server gives at most ${most} choices in one request.`
  throw new ApiProblem('invalid-request', message, { param: 'n' })
}

/**
 * Before they cross to the engine: a list of a million ids takes longer to send than to count.
 * @throws ApiProblem `context-length`
 */
export function refuseLongIds({ prompts }: GenerationRequest, { contextLength }: ModelCard): void {
  for (const prompt of prompts) {
    if (prompt.type !== 'token-ids' || prompt.ids.length < contextLength) continue
    const message = `The context is ${contextLength} tokens; the prompt has ${prompt.ids.length}. Shorten the prompt.`
    throw new ApiProblem('context-length', message, { param: 'prompt' })
  }
}
