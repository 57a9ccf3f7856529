/** A function that an answer may call, as chat templates expect it. */
export interface ToolDefinition {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters: Readonly<Record<string, unknown>>
  }
}

/** A call of an earlier answer; arguments that are no JSON stay the text they were. */
export interface ToolCall {
  readonly id?: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: unknown }
}

/**
 * How a family of models writes calls:
 * hermes: `<tool_call>\n{"name": ..., "arguments": {...}}\n</tool_call>`, any text before (Hermes, Qwen);
 * llama: `{"name": ..., "parameters": {...}}` as the whole answer (Llama 3);
 * mistral: `[TOOL_CALLS][{"name": ..., "arguments": {...}}]`.
 */
export type ToolFormat = 'hermes' | 'llama' | 'mistral'

/** The parts of a format. */
export interface ToolSyntax {
  /** Begins calls within a text; empty: the answer is a call or it is none. */
  readonly trigger: string
  readonly open: string
  readonly between: string
  readonly close: string
  readonly argumentsKey: 'arguments' | 'parameters'
}

export const toolSyntax: Readonly<Record<ToolFormat, ToolSyntax>> = {
  hermes: {
    trigger: '<tool_call>',
    open: '\n',
    between: '\n</tool_call>\n<tool_call>\n',
    close: '\n</tool_call>',
    argumentsKey: 'arguments',
  },
  llama: { trigger: '', open: '', between: '; ', close: '', argumentsKey: 'parameters' },
  mistral: { trigger: '[TOOL_CALLS]', open: '[', between: ', ', close: ']', argumentsKey: 'arguments' },
}

/** What of tools a request asks for. */
export interface ToolOffer {
  readonly definitions: readonly ToolDefinition[]
  /** `name`: this one, once. */
  readonly choice: 'auto' | 'required' | { readonly name: string }
  /** More than one call is possible. */
  readonly parallel: boolean
}
