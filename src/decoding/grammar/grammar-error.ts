/** A grammar that cannot be decoded under; `path` leads to the part of a schema that is at fault, as a JSON pointer. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError'
  readonly path: string

  constructor(message: string, path = '') {
    super(message)
    this.path = path
  }
}
