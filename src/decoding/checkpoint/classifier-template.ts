import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChatTemplate, openChatTemplate } from './chat-template.ts'
import type { TokenizerConfigJson } from './tokenizer-json.ts'

const templateFile = 'chat_template.jinja'

/** Put before a template, whose own first characters it leaves alone: a newline behind a block would be cut. */
const noGenerationPrompt = "{% set add_generation_prompt = false %}{{ '' }}"

/**
 * The chat template of a folder for whole conversations: it ends with the last message, not with the beginning of another.
 * Undefined when it has none.
 * @throws CheckpointError when the template cannot be parsed or its list has no default
 */
export function openConversationTemplate(
  source: string,
  folder: string,
  config: TokenizerConfigJson,
): ChatTemplate | undefined {
  const path = join(folder, templateFile)
  const template = existsSync(path) ? readFileSync(path, 'utf8') : config.chat_template
  if (template === undefined || template === null) return undefined
  const close = (text: string) => `${noGenerationPrompt}${text}`
  const closed =
    typeof template === 'string'
      ? close(template)
      : template.map((entry) => ({ ...entry, template: close(entry.template) }))
  // a folder below the checkpoint's that has no template file, which would win over this one
  return openChatTemplate(source, join(folder, templateFile), { ...config, chat_template: closed })
}
