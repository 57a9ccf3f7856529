import { ConfigError } from '../environment-references.ts'
import { hashKey, newKey } from './key-hash.ts'

/** Fewer characters can be guessed, since their hash is a fast one. */
const fewestCharacters = 32

/**
 * What `trimtab key` prints.
 * @throws ConfigError for a given key that is too short or not to be sent in a header
 */
export function describeKey(name: string, given?: string): string {
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given))
    throw new ConfigError('A key is printable ASCII without spaces.')
  if (given !== undefined && given.length < fewestCharacters)
    throw new ConfigError(
      `A key of ${given.length} characters can be guessed: give at least ${fewestCharacters} random ones.`,
    )
  const key = given ?? newKey()
  const shown = given === undefined ? `Key, shown this once: ${key}\n\n` : ''
  return `${shown}Into trimtab.yaml:\n\nkeys:\n  ${name}:\n    hash: ${hashKey(key)}\n`
}
