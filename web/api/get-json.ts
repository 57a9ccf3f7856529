import { serverError } from './server-error.ts'

/** @throws ServerError; whatever fetch throws */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, signal === undefined ? {} : { signal })
  if (!response.ok) throw await serverError(response)
  return (await response.json()) as T
}

/** @throws ServerError; whatever fetch throws */
export async function postJson<T>(path: string, body: object, signal: AbortSignal): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body), signal })
  if (!response.ok) throw await serverError(response)
  return (await response.json()) as T
}
