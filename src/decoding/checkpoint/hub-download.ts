import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import { HubApiError } from '@huggingface/hub'
import { CheckpointError } from '../errors.ts'
import type { HubFile } from './hub-listing.ts'
import type { HubSession } from './hub-repository.ts'

/** Connections to try in a row without a single new byte before giving up; the next pull continues. */
const maxFruitlessAttempts = 3
const retryDelayMs = 500

/**
 * Brings one file into the folder: kept if it is already there, continued from its `.part` if it was begun, checked
 * against its digest, then renamed.
 * @throws CheckpointError when its bytes are not those announced; the hub's, the network's and the disk's errors as they come
 */
export async function downloadFile(session: HubSession, folder: string, file: HubFile): Promise<void> {
  const path = join(folder, file.path)
  const report = (bytes: number) => session.onProgress({ file: file.path, bytes, totalBytes: file.size })
  // The digest and not only the size: it may be of another commit, from a pull that broke off before a push.
  if (sizeOf(path) === file.size && (await digestOf(path, file)) === file.digest.hex) return report(file.size)
  // The digest in the name keeps a part from being continued with another version's bytes.
  const part = `${path}.${file.digest.hex.slice(0, 12)}.part`
  if (sizeOf(part) > file.size) rmSync(part)
  await fetchMissing(session, file, part, report)
  const actual = await digestOf(part, file)
  if (actual !== file.digest.hex) {
    rmSync(part)
    throw new CheckpointError(
      session.id,
      `${file.path} was damaged on the way: its ${file.digest.kind} digest is ${actual}, the hub announced ${file.digest.hex}`,
    )
  }
  renameSync(part, path)
}

async function fetchMissing(
  session: HubSession,
  file: HubFile,
  part: string,
  report: (bytes: number) => void,
): Promise<void> {
  report(Math.max(0, sizeOf(part)))
  for (let fruitless = 0; sizeOf(part) < file.size; ) {
    const before = sizeOf(part)
    const failure = await appendRest(session, file, part, report).catch((error: unknown) => error)
    if (failure !== undefined && !isTransient(failure)) throw failure
    fruitless = sizeOf(part) > before ? 0 : fruitless + 1
    if (fruitless === maxFruitlessAttempts) {
      throw (
        failure ?? new CheckpointError(session.id, `${file.path}: the hub sends ${before} of ${file.size} bytes only`)
      )
    }
    if (failure !== undefined) await sleep(retryDelayMs * 2 ** (fruitless - 1), undefined, { signal: session.signal })
  }
}

/** One connection: asks for the bytes that are missing, and starts over where the server cannot skip. */
async function appendRest(
  session: HubSession,
  file: HubFile,
  part: string,
  report: (bytes: number) => void,
): Promise<void> {
  const start = Math.max(0, sizeOf(part))
  const url = `${session.hubUrl}/${session.id}/resolve/${encodeURIComponent(session.revision)}/${encodeURIComponent(file.path)}`
  const headers = {
    // Compressed transfer would make byte ranges mean something else.
    'accept-encoding': 'identity',
    ...(start > 0 ? { range: `bytes=${start}-` } : {}),
    ...(session.accessToken === undefined ? {} : { authorization: `Bearer ${session.accessToken}` }),
  }
  const response = await session.fetch(url, { headers })
  if (!response.ok || response.body === null) {
    await response.body?.cancel()
    throw new HubApiError(url, response.status, undefined, `${file.path}: status ${response.status}`)
  }
  const continues = response.status === 206
  let bytes = continues ? start : 0
  const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      bytes += chunk.length
      report(bytes)
      yield chunk
    }
  }
  const body = Readable.fromWeb(response.body as ReadableStream)
  await pipeline(body, counted, createWriteStream(part, { flags: continues ? 'a' : 'w' }))
}

function isTransient(error: unknown): boolean {
  if (error instanceof HubApiError) return error.statusCode >= 500 || error.statusCode === 429
  // fetch reports every network failure as a TypeError; a disk's error has a syscall.
  return error instanceof TypeError || (error instanceof Error && error.name === 'SocketError')
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1
}

async function digestOf(path: string, file: HubFile): Promise<string> {
  const hash = createHash(file.digest.kind === 'sha256' ? 'sha256' : 'sha1')
  if (file.digest.kind === 'git-blob') hash.update(`blob ${sizeOf(path)}\0`)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
