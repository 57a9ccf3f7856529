import type { ToolCall, ToolDefinition, ToolFormat } from '../tool-calls.ts'
import type { ChatMessage } from './chat-template.ts'

/** The format that a template teaches its model; undefined where it knows of no tools. */
export function toolFormatOf(template: string): ToolFormat | undefined {
  if (!/\btools\b/.test(template)) return undefined
  if (template.includes('[TOOL_CALLS]')) return 'mistral'
  if (!template.includes('<tool_call>') && /"?parameters"?/.test(template)) return 'llama'
  return 'hermes'
}

/**
 * A conversation for a template that knows of no tools: they are told to the model in a system message, in the words that Hermes
 * and Qwen were trained with, and calls and their results become text.
 */
export function withToolText(
  messages: readonly ChatMessage[],
  tools: readonly ToolDefinition[] | undefined,
): readonly ChatMessage[] {
  const plain = messages.map(plainMessage)
  if (tools === undefined) return plain
  const [first, ...rest] = plain
  const text = offerText(tools)
  if (first?.role !== 'system') return [{ role: 'system', content: text }, ...plain]
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...rest]
}

function offerText(tools: readonly ToolDefinition[]): string {
  const lines = tools.map((tool) => JSON.stringify(tool)).join('\n')
  return (
    '# Tools\n\nYou may call one or more functions to assist with the user query.\n\n' +
    `You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n${lines}\n</tools>\n\n` +
    'For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n' +
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
  )
}

function plainMessage(message: ChatMessage): ChatMessage {
  const { role, content, tool_calls: calls } = message
  if (role === 'tool') return { role: 'user', content: `<tool_response>\n${content}\n</tool_response>` }
  if (calls === undefined) return message
  return { role, content: [content, ...calls.map(callText)].filter((text) => text !== '').join('\n') }
}

const callText = ({ function: { name, arguments: given } }: ToolCall): string =>
  `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(given)}}\n</tool_call>`

/** Mistral's templates refuse a call's id that is not nine letters or digits: those of ours, and of other APIs, are told by their ends. */
export function withShortIds(message: ChatMessage): ChatMessage {
  const { tool_call_id: answered, tool_calls: calls } = message
  return {
    ...message,
    ...(answered === undefined ? {} : { tool_call_id: shortId(answered) }),
    ...(calls === undefined ? {} : { tool_calls: calls.map(withShortId) }),
  }
}

const withShortId = (call: ToolCall): ToolCall => (call.id === undefined ? call : { ...call, id: shortId(call.id) })

const shortId = (id: string): string =>
  id
    .replaceAll(/[^a-zA-Z0-9]/g, '')
    .slice(-9)
    .padStart(9, '0')
