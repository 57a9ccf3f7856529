import { authorization } from './authorization.ts'
import { serverError } from './server-error.ts'

/** Nobody answered, or the connection broke on the way. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  constructor(cause: unknown) {
    super('The server cannot be reached.', { cause })
  }
}

interface Asked extends Pick<RequestInit, 'method' | 'body'> {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/**
 * fetch, of replies that are no failure.
 * @throws ServerError, Unreachable; the signal's reason
 */
export async function ask(path: string, { headers, ...init }: Asked): Promise<Response> {
  const all = { ...authorization(), ...headers }
  const response = await reach(() => fetch(path, { ...init, headers: all }), init.signal)
  if (response.ok) return response
  throw await serverError(response)
}

/** What the network does, with a failure of it told apart from our own mistakes. */
export async function reach<T>(transfer: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await transfer()
  } catch (error) {
    // fetch and its readers report every failure of the network as a TypeError
    if (error instanceof TypeError && !signal.aborted) throw new Unreachable(error)
    throw error
  }
}

export async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await ask(path, { signal })
  return (await reach(() => response.json(), signal)) as T
}

export async function postJson<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const response = await ask(path, { method: 'POST', headers, body: JSON.stringify(body), signal })
  return (await reach(() => response.json(), signal)) as T
}
