import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const chatmlTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

const specialTokens = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']
const merges = ['h e', 'l l', 'Ġ t', 'i n', 'Ġt he', 'll o', 'he llo', 'Ã ©', 'Ġ Ġ']

/** Ids of the tiny tokenizer: 0-2 special, 3-258 single bytes, then the merges, then one added plain token. */
export const tinyVocabularySize = specialTokens.length + 256 + merges.length + 1
export const tinyEosId = 2
export const tinyBosId = 0

/** Writes tokenizer.json and tokenizer_config.json: byte-level BPE like GPT-2's, with a ChatML template. */
export function writeTinyTokenizer(folder: string, config: Readonly<Record<string, unknown>> = {}): void {
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tinyTokenizerJson()))
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<|endoftext|>',
      eos_token: '<|im_end|>',
      clean_up_tokenization_spaces: false,
      chat_template: chatmlTemplate,
      ...config,
    }),
  )
}

export function tinyTokenizerJson(): Record<string, unknown> {
  const vocabulary = [...specialTokens, ...byteCharacters(), ...merges.map((merge) => merge.replace(' ', ''))]
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    added_tokens: [
      ...specialTokens.map((content, id) => addedToken(id, content, true)),
      addedToken(vocabulary.length, '<tool>', false),
    ],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges,
    },
  }
}

function addedToken(id: number, content: string, special: boolean): Record<string, unknown> {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }
}

/** GPT-2's printable stand-in for each byte, in byte order. */
function byteCharacters(): string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    return String.fromCodePoint(printable ? byte : next++)
  })
}
