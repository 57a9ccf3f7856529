/** The pieces of a text, split at every single space behind "." or "!"; none for the empty text. */
export function splitSentences(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<=[.!]) /)
}
