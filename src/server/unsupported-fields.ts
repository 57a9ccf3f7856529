import { ApiProblem } from './api-problem.ts'

/** Fields of the OpenAI API that the engine cannot honour, with the value that means the same as leaving them out. */
const chatRefusals: Readonly<Record<string, { readonly neutral?: unknown; readonly reason: string }>> = {
  functions: { neutral: [], reason: 'functions are the older form of `tools`; send those' },
  function_call: { neutral: 'none', reason: 'it is the older form of `tool_choice`; send that' },
  audio: { reason: 'audio is not supported' },
  modalities: { neutral: ['text'], reason: 'only ["text"] is supported' },
  web_search_options: { reason: 'web search is not supported' },
  prediction: { reason: 'predicted outputs are not supported' },
  store: { neutral: false, reason: 'replies are not stored' },
  moderation: { reason: 'moderation is not supported' },
  reasoning_effort: { neutral: 'none', reason: 'reasoning effort cannot be chosen' },
  verbosity: { neutral: 'medium', reason: 'verbosity cannot be chosen; steer it with alignment' },
  prompt_cache_retention: { reason: 'the retention of cached prompts cannot be chosen' },
  prompt_cache_options: { reason: 'the caching of prompts cannot be chosen' },
}

const completionRefusals: typeof chatRefusals = {
  echo: { neutral: false, reason: 'echoing the prompt is not supported' },
  suffix: { reason: 'insertion before a suffix is not supported' },
}

const responseRefusals: typeof chatRefusals = {
  tools: { neutral: [], reason: 'tools are not supported yet' },
  max_tool_calls: { reason: 'tools are not supported yet' },
  store: { neutral: false, reason: 'replies are not stored' },
  previous_response_id: { reason: 'replies are not stored; send the whole conversation as `input`' },
  conversation: { reason: 'conversations are not stored; send the whole one as `input`' },
  background: { neutral: false, reason: 'a reply lives as long as its request' },
  prompt: { reason: 'prompts are not stored; send theirs as `instructions` and `input`' },
  context_management: { reason: 'nothing of the input is left out' },
  truncation: { neutral: 'disabled', reason: 'nothing of the input is left out' },
  moderation: { reason: 'moderation is not supported' },
  prompt_cache_retention: { reason: 'the retention of cached prompts cannot be chosen' },
  prompt_cache_options: { reason: 'the caching of prompts cannot be chosen' },
  n: { neutral: 1, reason: 'a response is one answer; to choose among several use alignment.best_of' },
}

const refusalsOf = { chat: chatRefusals, completion: completionRefusals, response: responseRefusals } as const

/** its_hub's names for best-of-N budgets (https://github.com/Red-Hat-AI-Innovation-Team/its_hub). */
const laterFields: typeof chatRefusals = {
  budget: { reason: 'its_hub budgets are not available yet' },
}

/**
 * Refuses what would otherwise be ignored.
 * @throws ApiProblem `unsupported`, naming the field
 */
export function refuseUnsupported(body: Readonly<Record<string, unknown>>, route: keyof typeof refusalsOf): void {
  const refusals = { ...refusalsOf[route], ...laterFields }
  for (const [field, value] of Object.entries(body)) {
    const refusal = Object.hasOwn(refusals, field) ? refusals[field] : undefined
    if (refusal === undefined || sameJson(value, refusal.neutral)) continue
    throw new ApiProblem('unsupported', `'${field}' is not supported: ${refusal.reason}.`, { param: field })
  }
}

/** The same for headers. */
export function refuseUnsupportedHeaders(request: { header(name: string): string | undefined }): void {
  for (const header of ['X-ITS-Budget', 'X-ITS-Algorithm']) {
    if (request.header(header) === undefined) continue
    throw new ApiProblem('unsupported', `The header ${header} is not available yet.`, { param: header })
  }
}

/** Neutral values are empty or one level deep, so nothing deeper is ever walked: a nested bomb must not overflow the stack. */
function sameJson(value: unknown, neutral: unknown): boolean {
  if (typeof value !== 'object' || value === null || typeof neutral !== 'object' || neutral === null)
    return value === neutral && neutral !== undefined
  const keys = Object.keys(neutral)
  if (Array.isArray(value) !== Array.isArray(neutral) || Object.keys(value).length !== keys.length) return false
  const [left, right] = [value as Record<string, unknown>, neutral as Record<string, unknown>]
  return keys.every((key) => left[key] === right[key])
}
