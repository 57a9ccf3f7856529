import type { TokenizerAdapter } from '../decoding/checkpoint/tokenizer.ts'

/** Ids that do not mean the same token in both vocabularies, in words; undefined when there are none. */
export function vocabularyDifference(one: TokenizerAdapter, other: TokenizerAdapter): string | undefined {
  const size = Math.max(one.size, other.size)
  const differing: number[] = []
  for (let id = 0; id < size; id++) {
    if (one.tokenOf(id) !== other.tokenOf(id)) differing.push(id)
  }
  if (differing.length === 0) return undefined
  const shown = differing.slice(0, 5).map((id) => `${id} (${show(one.tokenOf(id))} / ${show(other.tokenOf(id))})`)
  const more = differing.length > shown.length ? ` and ${differing.length - shown.length} more` : ''
  return `ids ${shown.join(', ')}${more}`
}

function show(token: string | undefined): string {
  return token === undefined ? 'none' : JSON.stringify(token)
}
