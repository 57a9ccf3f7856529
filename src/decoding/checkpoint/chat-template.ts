import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { CheckpointError, InvalidRequestError } from '../errors.ts'
import type { ToolCall, ToolDefinition, ToolFormat } from '../tool-calls.ts'
import type { TokenizerConfigJson } from './tokenizer-json.ts'
import { toolFormatOf, withShortIds, withToolText } from './tool-text.ts'

export interface ChatMessage {
  readonly role: string
  readonly content: string
  readonly name?: string
  readonly tool_call_id?: string
  /** Calls that an assistant's message made. */
  readonly tool_calls?: readonly ToolCall[]
}

/** A checkpoint's Jinja chat template. */
export interface ChatTemplate {
  /**
   * The prompt text that asks for the next assistant message. It holds every special token of its own, BOS included:
   * encode it without adding special tokens.
   * @throws InvalidRequestError (param "messages") when the template raises
   */
  render(messages: readonly ChatMessage[], tools?: readonly ToolDefinition[]): string
  /** How its model writes calls; absent where the template knows of no tools, which are then told to the model by us. */
  readonly toolFormat?: ToolFormat | undefined
}

/**
 * The chat template of a folder; undefined when it has none. chat_template.jinja wins over tokenizer_config.json as in
 * transformers; of a list of named templates it is the one named `default`.
 * @throws CheckpointError when the template cannot be parsed or its list has no default
 */
export function openChatTemplate(
  source: string,
  folder: string,
  config: TokenizerConfigJson,
): ChatTemplate | undefined {
  const path = join(folder, 'chat_template.jinja')
  const template = existsSync(path) ? readFileSync(path, 'utf8') : defaultTemplate(source, config)
  if (template === undefined) return undefined
  const parsed = parseTemplate(source, template)
  const withTools = (existsSync(path) ? undefined : toolTemplate(config)) ?? template
  const parsedWithTools = withTools === template ? parsed : parseTemplate(source, withTools)
  const toolFormat = toolFormatOf(withTools)
  const { bos_token, eos_token, pad_token, unk_token } = config
  // As transformers renders: tools and documents are None, which is not the same as undefined to a template.
  const given = {
    add_generation_prompt: true,
    tools: null,
    documents: null,
    bos_token,
    eos_token,
    pad_token,
    unk_token,
  }
  const context = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    toolFormat,
    render(messages, tools) {
      const told = toldMessages(messages, tools, toolFormat)
      try {
        // raise_exception and strftime_now are the library's own.
        if (tools === undefined || toolFormat === undefined) return parsed.render({ ...context, messages: told })
        return parsedWithTools.render({ ...context, tools, messages: told })
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new InvalidRequestError(`The model's chat template refused the messages: ${reason}`, 'messages')
      }
    },
  }
}

/** The conversation as the template takes it. */
function toldMessages(
  messages: readonly ChatMessage[],
  tools: readonly ToolDefinition[] | undefined,
  format: ToolFormat | undefined,
): readonly ChatMessage[] {
  if (format === undefined) return withToolText(messages, tools)
  return format === 'mistral' ? messages.map(withShortIds) : messages
}

function defaultTemplate(source: string, config: TokenizerConfigJson): string | undefined {
  const template = config.chat_template ?? undefined
  if (template === undefined || typeof template === 'string') return template
  const found = template.find((entry) => entry.name === 'default')
  if (found !== undefined) return found.template
  const names = template.map((entry) => entry.name).join(', ')
  throw new CheckpointError(source, `tokenizer_config.json: no chat template is named 'default', only ${names}`)
}

/** Of a list of templates the one for requests with tools. */
function toolTemplate({ chat_template: template }: TokenizerConfigJson): string | undefined {
  return Array.isArray(template) ? template.find(({ name }) => name === 'tool_use')?.template : undefined
}

function parseTemplate(source: string, template: string): Template {
  try {
    return new Template(template)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CheckpointError(source, `its chat template cannot be parsed: ${reason}`)
  }
}
