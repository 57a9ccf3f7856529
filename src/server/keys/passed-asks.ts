import { visitMembers } from '../json-members.ts'

/** How much a request asks for that is sent on as it came. */
export interface PassedAsks {
  readonly choices: number
  readonly maxTokens: number
}

const counts: ReadonlySet<string> = new Set([
  'n',
  'best_of',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
])

/** Reads the few members that matter off a body, of twice given ones the last; what is no number is for the upstream to refuse. */
export function passedAsks(bytes: Buffer, defaultMaxTokens: number): PassedAsks {
  const found = new Map<string, number>()
  let prompts = 1
  visitMembers(bytes, (key, start, end) => {
    if (counts.has(key)) found.set(key, Number(bytes.toString('latin1', start, end)))
    if (key === 'prompt' && bytes[start] === 0x5b) prompts = promptsIn(bytes.toString('utf8', start, end))
    return false
  })
  const number = (key: string) => {
    const value = found.get(key)
    return value !== undefined && Number.isFinite(value) && value >= 1 ? value : undefined
  }
  const choices = prompts * Math.max(number('n') ?? 1, number('best_of') ?? 1)
  const maxTokens = number('max_completion_tokens') ?? number('max_tokens') ?? number('max_output_tokens')
  return { choices, maxTokens: maxTokens ?? defaultMaxTokens }
}

/** Of a list; token ids are one prompt. */
function promptsIn(json: string): number {
  try {
    const list: unknown = JSON.parse(json)
    return Array.isArray(list) && list.length > 0 && typeof list[0] !== 'number' ? list.length : 1
  } catch {
    // no JSON, which the upstream will say
    return 1
  }
}
