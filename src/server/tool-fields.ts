import { z } from 'zod'
import type { ToolCall, ToolOffer } from '../decoding/tool-calls.ts'
import { arrayField } from './array-field.ts'
import { nameField, schemaField } from './response-format.ts'

const functionTool = z.strictObject({
  type: z.literal('function', { error: 'only functions are supported' }),
  function: z.strictObject({
    name: nameField,
    description: z.string().nullish(),
    parameters: schemaField.nullish(),
    strict: z.boolean().nullish(),
  }),
})

/** `tools` of chat completions. */
export const toolsField = arrayField(functionTool, { max: 128 }).describe(
  'Functions the answer may call; their arguments are valid against `parameters`.',
)

/** `tool_choice` of chat completions. */
export const toolChoiceField = z
  .union([
    z.enum(['none', 'auto', 'required']),
    z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: z.string() }) }),
  ])
  .describe('Whether tools are called: never, when the model begins to, always, or this one.')

/** `tool_calls` of an assistant's message. */
export const toolCallsField = arrayField(
  z.strictObject({
    id: z.string(),
    type: z.literal('function'),
    function: z.strictObject({ name: z.string(), arguments: z.string() }),
    index: z.int().optional(),
  }),
  { max: 128 },
)

/** A function as both routes name it. */
export interface OfferedFunction {
  readonly name: string
  readonly description?: string | null | undefined
  readonly parameters?: Readonly<Record<string, unknown>> | null | undefined
}

/** Functions without parameters take none. */
const noParameters = { type: 'object', properties: {}, additionalProperties: false }

export type ToolChoice = 'none' | 'auto' | 'required' | { readonly name: string }

/** Undefined where no tool may be called: the model is then not told of any. */
export function toolOffer(
  functions: readonly OfferedFunction[] | undefined,
  choice: ToolChoice,
  parallel: boolean,
): ToolOffer | undefined {
  if (functions === undefined || functions.length === 0 || choice === 'none') return undefined
  const definitions = functions.map(({ name, description, parameters }) => ({
    type: 'function' as const,
    function: {
      name,
      ...(description == null ? {} : { description }),
      parameters: parameters ?? noParameters,
    },
  }))
  return { definitions, choice, parallel }
}

/** What is wrong between `tools` and `tool_choice`, and with which field. */
export function toolProblem(
  functions: readonly OfferedFunction[] | undefined,
  choice: ToolChoice | undefined,
): { readonly path: 'tools' | 'tool_choice'; readonly message: string } | undefined {
  const names = (functions ?? []).map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) return { path: 'tools', message: `has two functions named '${twice}'` }
  if (choice === undefined || choice === 'none') return undefined
  if (names.length === 0) return { path: 'tool_choice', message: 'needs tools' }
  if (typeof choice === 'string' || names.includes(choice.name)) return undefined
  return { path: 'tool_choice', message: `names no function of tools: ${names.join(', ')}` }
}

/** Templates expect arguments as a value, the wire has them as text. */
export function toToolCall(call: {
  readonly id: string
  readonly function: { readonly name: string; readonly arguments: string }
}): ToolCall {
  const { name, arguments: text } = call.function
  return { id: call.id, type: 'function', function: { name, arguments: parsedOrText(text) } }
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}
