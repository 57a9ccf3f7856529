import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { CheckpointError } from '../errors.ts'
import { readJsonFile } from './json-file.ts'
import { type TokenBytes, tokenBytesOf } from './token-bytes.ts'
import { type TokenizerConfigJson, type TokenizerJson, tokenizerJsonSchema } from './tokenizer-json.ts'

/** A model's tokenizer behind the three things decoding needs: ids of a text, bytes of an id, and its vocabulary. */
export interface TokenizerAdapter {
  /** Number of ids, added tokens included (1 + the largest id). */
  readonly size: number
  /**
   * Ids of `text`; special tokens written in it (as chat templates do) become their ids; BOS only if `addSpecialTokens`.
   * What the vocabulary has no token for is left out, as in transformers. A rendered chat template holds its own BOS: encode it with `addSpecialTokens` false, or it gets two.
   * @throws TypeError for lone surrogates, which no UTF-8 text can hold
   */
  encode(text: string, addSpecialTokens: boolean): number[]
  /**
   * The UTF-8 bytes an id contributes to the text; empty for special tokens. May be part of a character. Do not write to
   * the array: it is the table's own.
   */
  bytesOf(id: number): Uint8Array
  /** The vocabulary entry, or undefined for an id without one. */
  tokenOf(id: number): string | undefined
  idOf(token: string): number | undefined
  readonly bosTokenId: number | undefined
  /** The end-of-sequence token of tokenizer_config.json; a checkpoint may name others (`Checkpoint.eosTokenIds`). */
  readonly eosTokenId?: number | undefined
  readonly specialIds: ReadonlySet<number>
}

/** The part of @huggingface/tokenizers in use: the package's own types do not resolve under Node's rules. */
interface LibraryTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] }
  token_to_id(token: string): number | undefined
  id_to_token(id: number): string | undefined
  readonly model: { readonly vocab: readonly (string | undefined)[] } | null
}

const noBytes = new Uint8Array(0)

/**
 * The tokenizer of a folder's tokenizer.json.
 * @throws CheckpointError when it is missing, or its model or decoder is of a kind that is not supported
 */
export function openTokenizer(source: string, folder: string, config: TokenizerConfigJson): TokenizerAdapter {
  const json = readJsonFile(source, join(folder, 'tokenizer.json'), tokenizerJsonSchema)
  const bytesOfToken = json.decoder === null ? undefined : tokenBytesOf(json.decoder)
  if (bytesOfToken === undefined) {
    const kind = json.decoder?.type ?? 'none'
    throw new CheckpointError(
      source,
      `tokenizer.json: decoder '${kind}' is not supported; its tokens are not bytes of the text`,
    )
  }
  const library = createLibraryTokenizer(source, json, config)
  const vocabulary = library.model?.vocab ?? []
  const specialIds = findSpecialIds(json, config, library)
  const idOf = (token: string | undefined) => (token === undefined ? undefined : library.token_to_id(token))
  const bytes = bytesTable(vocabulary, specialIds, json, bytesOfToken)
  return {
    size: vocabulary.length,
    encode(text, addSpecialTokens) {
      refuseLoneSurrogates(text)
      return text === '' && !addSpecialTokens ? [] : library.encode(text, { add_special_tokens: addSpecialTokens }).ids
    },
    bytesOf: (id) => bytes[id] ?? noBytes,
    tokenOf: (id) => library.id_to_token(id),
    idOf,
    bosTokenId: idOf(config.bos_token),
    eosTokenId: idOf(config.eos_token),
    specialIds,
  }
}

function createLibraryTokenizer(source: string, json: TokenizerJson, config: TokenizerConfigJson): LibraryTokenizer {
  try {
    // The library insists on these keys, which files may leave out for null.
    return new Tokenizer({ normalizer: null, pre_tokenizer: null, post_processor: null, ...json }, config)
  } catch (error) {
    throw new CheckpointError(source, `tokenizer.json: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function findSpecialIds(json: TokenizerJson, config: TokenizerConfigJson, library: LibraryTokenizer): Set<number> {
  const ids = new Set(json.added_tokens.filter((token) => token.special === true).map((token) => token.id))
  for (const token of [config.bos_token, config.eos_token, config.pad_token, config.unk_token]) {
    const id = token === undefined ? undefined : library.token_to_id(token)
    if (id !== undefined) ids.add(id)
  }
  return ids
}

function bytesTable(
  vocabulary: readonly (string | undefined)[],
  specialIds: ReadonlySet<number>,
  json: TokenizerJson,
  bytesOfToken: TokenBytes,
): Uint8Array[] {
  // Array.from and not map: vocabularies have holes.
  const table = Array.from(vocabulary, (token, id) =>
    token === undefined || specialIds.has(id) ? noBytes : bytesOfToken(token),
  )
  const encoder = new TextEncoder()
  for (const token of json.added_tokens) {
    if (!specialIds.has(token.id)) table[token.id] = encoder.encode(token.content)
  }
  return table
}

function refuseLoneSurrogates(text: string): void {
  // In unicode mode a surrogate matches only where it is alone.
  const index = text.search(/\p{Surrogate}/u)
  if (index >= 0) throw new TypeError(`The text is not valid Unicode: a lone surrogate at position ${index}.`)
}
