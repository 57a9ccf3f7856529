import { Readable } from 'node:stream'
import type { Context } from 'hono'
import { ApiProblem } from './api-problem.ts'
import { refuseCrowdedFields } from './crowded-fields.ts'
import type { AppEnvironment } from './gateway.ts'
import { refuseMonstrousJson } from './json-bounds.ts'

/**
 * The bytes of the request's body.
 * @throws ApiProblem when it is too large; it is then not read to its end
 */
export async function readBytes(context: Context<AppEnvironment>, limitBytes: number): Promise<Buffer> {
  const announced = Number(context.req.header('content-length') ?? 0)
  if (announced > limitBytes) throw tooLarge(limitBytes)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bodyOf(context)) {
    size += chunk.byteLength
    if (size > limitBytes) throw tooLarge(limitBytes)
    chunks.push(chunk)
  }
  const [only] = chunks
  return chunks.length === 1 && Buffer.isBuffer(only) ? only : Buffer.concat(chunks)
}

/** Node's own stream, several times faster than a web stream around it; tests that call the app without a server have only that. */
function bodyOf(context: Context<AppEnvironment>): AsyncIterable<Uint8Array> {
  const incoming = context.env?.incoming
  // Leaving the loop early must not close the connection: the refusal goes out on it.
  if (incoming !== undefined) return incoming.iterator({ destroyOnReturn: false })
  return context.req.raw.body ?? Readable.from([])
}

/**
 * The JSON object of a body; nulls at its top level mean the same as absence, as in OpenAI's specification.
 * @throws ApiProblem when it has too many members, is not UTF-8, not JSON or not an object
 */
export function parseBody(bytes: Uint8Array): Record<string, unknown> {
  refuseMonstrousJson(bytes)
  const text = decodeUtf8(bytes)
  const body = parseJson(text)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ApiProblem('invalid-request', 'The body must be a JSON object.')
  }
  refuseCrowdedFields(body)
  // Decoded text has none; only an escape can write half a pair.
  if (/\\u[dD][89a-fA-F]/.test(text)) refuseLoneSurrogates(body)
  return withoutNulls(body)
}

function tooLarge(limitBytes: number): ApiProblem {
  return new ApiProblem('body-too-large', `The body is larger than the limit of ${limitBytes} bytes.`)
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new ApiProblem('invalid-request', 'The body is not valid UTF-8.')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ApiProblem('invalid-request', `The body is not valid JSON: ${(error as Error).message}.`)
  }
}

/** Half a UTF-16 pair, which JSON can write as \ud800, stands for no character: no tokenizer has bytes for it. */
export function refuseLoneSurrogates(body: object): void {
  // A stack of its own: the nesting of a body is the client's choice.
  const open: (readonly [value: unknown, path: string])[] = [[body, '']]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, path] = next
    if (typeof value === 'string') refuseLoneSurrogate(value, path)
    if (typeof value !== 'object' || value === null) continue
    for (const [key, member] of Object.entries(value)) {
      refuseLoneSurrogate(key, path)
      if (typeof member === 'string' || typeof member === 'object') open.push([member, childPath(path, key, value)])
    }
  }
}

function refuseLoneSurrogate(text: string, path: string): void {
  if (!/\p{Surrogate}/u.test(text)) return
  throw new ApiProblem('invalid-request', `'${path}' holds a lone surrogate, which is not a character.`, {
    param: path,
  })
}

function childPath(path: string, key: string, parent: object): string {
  if (Array.isArray(parent)) return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

function withoutNulls(body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}
