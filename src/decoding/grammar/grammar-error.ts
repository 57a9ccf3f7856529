/** A grammar that cannot be decoded under; `path` leads to the part of a schema that is at fault, as a JSON pointer. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError'
  readonly path: string

  /** The tool whose parameters are at fault. */
  readonly tool: number | undefined

  constructor(message: string, path = '', tool?: number) {
    super(message)
    this.path = path
    this.tool = tool
  }
}
