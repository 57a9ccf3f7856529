import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { CheckpointError } from '../errors.ts'
import { readJsonFile } from './json-file.ts'
import { openTokenizer } from './tokenizer.ts'
import { type TokenizerConfigJson, tokenizerJsonSchema } from './tokenizer-json.ts'

/** A text, or two, as a classifier reads it. */
export interface ClassifierInput {
  readonly ids: readonly number[]
  /** For each token the text it belongs to, 0 or 1 (BERT's token types); undefined where the model has no such input. */
  readonly segments?: readonly number[] | undefined
}

export interface ClassifierTokenizer {
  /** Number of ids, added tokens included. */
  readonly size: number
  readonly specialIds: ReadonlySet<number>
  idOf(token: string): number | undefined
  tokenOf(id: number): string | undefined
  /** Special tokens written in the text become their ids; the tokenizer's own are put around it only if asked for. */
  encode(text: string, addSpecialTokens: boolean): ClassifierInput
  /** Two texts with the special tokens that belong around and between them; a decoder's are simply joined. */
  encodePair(first: string, second: string): ClassifierInput
  /** UTF-8 bytes of the text that an id stands for, special tokens written out; undefined where tokens are not bytes. */
  readonly bytesOf: ((id: number) => Uint8Array) | undefined
}

/** @throws CheckpointError when tokenizer.json is missing or of a kind that is not supported */
export function openDecoderTokenizer(
  source: string,
  folder: string,
  config: TokenizerConfigJson,
): ClassifierTokenizer & { readonly bytesOf: (id: number) => Uint8Array } {
  const { size, specialIds, encode, idOf, tokenOf, bytesOf } = openTokenizer(source, folder, config)
  const text = new TextEncoder()
  return {
    size,
    specialIds,
    idOf,
    tokenOf,
    encode: (one, addSpecialTokens) => ({ ids: encode(one, addSpecialTokens) }),
    encodePair: (first, second) => ({ ids: encode(first + second, true) }),
    bytesOf: (id) => (specialIds.has(id) ? text.encode(tokenOf(id) ?? '') : bytesOf(id)),
  }
}

/** The part of @huggingface/tokenizers in use. */
interface PairTokenizer {
  encode(
    text: string,
    options: { add_special_tokens: boolean; return_token_type_ids: true; text_pair?: string },
  ): { ids: number[]; token_type_ids: number[] }
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
  readonly model: { readonly vocab: readonly unknown[] } | null
}

/**
 * Encoders need no bytes of their tokens, so that WordPiece is welcome.
 * @throws CheckpointError when tokenizer.json is missing or of a kind that is not supported
 */
export function openEncoderTokenizer(source: string, folder: string, config: TokenizerConfigJson): ClassifierTokenizer {
  const json = readJsonFile(source, join(folder, 'tokenizer.json'), tokenizerJsonSchema)
  const library = openLibrary(source, json, config)
  const encode = (text: string, addSpecialTokens: boolean, pair?: string): ClassifierInput => {
    const { ids, token_type_ids } = library.encode(text, {
      add_special_tokens: addSpecialTokens,
      return_token_type_ids: true,
      ...(pair === undefined ? {} : { text_pair: pair }),
    })
    return { ids, segments: token_type_ids }
  }
  return {
    size: library.model?.vocab.length ?? 0,
    specialIds: new Set(json.added_tokens.filter((token) => token.special === true).map((token) => token.id)),
    idOf: (token) => library.token_to_id(token),
    tokenOf: (id) => library.id_to_token(id),
    encode: (text, addSpecialTokens) => encode(text, addSpecialTokens),
    encodePair: (first, second) => encode(first, true, second),
    bytesOf: undefined,
  }
}

function openLibrary(source: string, json: object, config: TokenizerConfigJson): PairTokenizer {
  try {
    // The library insists on these keys, which files may leave out for null.
    const whole = { normalizer: null, pre_tokenizer: null, post_processor: null, ...json }
    return new Tokenizer(whole, config) as unknown as PairTokenizer
  } catch (error) {
    throw new CheckpointError(source, `tokenizer.json: ${error instanceof Error ? error.message : String(error)}`)
  }
}
