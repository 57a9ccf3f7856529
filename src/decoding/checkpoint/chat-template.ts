import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { CheckpointError, InvalidRequestError } from '../errors.ts'
import type { TokenizerConfigJson } from './tokenizer-json.ts'

export interface ChatMessage {
  readonly role: string
  readonly content: string
  readonly name?: string
  readonly tool_call_id?: string
}

/** A checkpoint's Jinja chat template. */
export interface ChatTemplate {
  /**
   * The prompt text that asks for the next assistant message. It holds every special token of its own, BOS included:
   * encode it without adding special tokens.
   * @throws InvalidRequestError (param "messages") when the template raises
   */
  render(messages: readonly ChatMessage[]): string
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
    render(messages) {
      try {
        // raise_exception and strftime_now are the library's own.
        return parsed.render({ ...context, messages })
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new InvalidRequestError(`The model's chat template refused the messages: ${reason}`, 'messages')
      }
    },
  }
}

function defaultTemplate(source: string, config: TokenizerConfigJson): string | undefined {
  const template = config.chat_template ?? undefined
  if (template === undefined || typeof template === 'string') return template
  const found = template.find((entry) => entry.name === 'default')
  if (found !== undefined) return found.template
  const names = template.map((entry) => entry.name).join(', ')
  throw new CheckpointError(source, `tokenizer_config.json: no chat template is named 'default', only ${names}`)
}

function parseTemplate(source: string, template: string): Template {
  try {
    return new Template(template)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CheckpointError(source, `its chat template cannot be parsed: ${reason}`)
  }
}
