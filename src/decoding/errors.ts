/** The prompt and the answer asked for do not fit a model's context. */
export class ContextLengthError extends Error {
  override readonly name = 'ContextLengthError'
  readonly limit: number
  readonly promptTokens: number
  readonly maxTokens: number

  constructor(limit: number, promptTokens: number, maxTokens: number) {
    super(
      `The context is ${limit} tokens; the prompt has ${promptTokens} and max_tokens asks for ${maxTokens}: ` +
        `${promptTokens + maxTokens} in all. Shorten the prompt or lower max_tokens.`,
    )
    this.limit = limit
    this.promptTokens = promptTokens
    this.maxTokens = maxTokens
  }
}

/** No room for the sequence now, neither running nor waiting; try again later. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError'
}

/** The engine was asked for a model or adapter that it has not loaded. */
export class UnknownModelError extends Error {
  override readonly name = 'UnknownModelError'
  readonly model: string

  constructor(model: string, known: readonly string[]) {
    super(`The model '${model}' does not exist. Known models: ${known.join(', ')}.`)
    this.model = model
  }
}

/** A request that can never be served as it stands; `param` is the path of the field to change. */
export class InvalidRequestError extends Error {
  override readonly name = 'InvalidRequestError'
  readonly param: string

  constructor(message: string, param: string) {
    super(message)
    this.param = param
  }
}

/** A checkpoint that cannot be served: something is missing, damaged or not supported. The message names it. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError'
  readonly source: string

  constructor(source: string, message: string) {
    super(`${source}: ${message}`)
    this.source = source
  }
}
