import type { OpenAIErrorBody } from '../../src/server/openai-error.ts'

/** What the server said is wrong, and with which field of the request. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly param: string | undefined
  readonly code: string | undefined
  readonly status: number | undefined

  constructor(message: string, param: string | undefined, code: string | undefined, status?: number) {
    super(message)
    this.param = param
    this.code = code
    this.status = status
  }
}

/** The error of a failed reply, which a proxy on the way may have written in a form of its own. */
export async function serverError(response: Response): Promise<ServerError> {
  const text = await response.text()
  const error = errorOf(text)
  if (error === undefined) {
    return new ServerError(
      `The reply was ${response.status} ${response.statusText}.`,
      undefined,
      undefined,
      response.status,
    )
  }
  return new ServerError(error.message, error.param ?? undefined, error.code ?? undefined, response.status)
}

function errorOf(text: string): OpenAIErrorBody['error'] | undefined {
  try {
    return (JSON.parse(text) as Partial<OpenAIErrorBody>).error
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
