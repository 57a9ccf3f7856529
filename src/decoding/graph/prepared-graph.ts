import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import type { DecoderSource } from './decoder-build.ts'
import { graphVersion, writeDecoder } from './decoder-graph.ts'
import { GraphBuilder } from './graph-builder.ts'

const files = ['model.onnx', 'weights.bin'] as const
const manifestFile = 'manifest.json'

const manifestSchema = z.strictObject({
  graphVersion: z.literal(graphVersion),
  files: z.array(z.strictObject({ name: z.enum(files), bytes: z.number(), sha256: z.string() })).length(files.length),
})

/** Why a cached graph could not be used, when there was one. */
export type CacheVerdict = 'ready' | 'absent' | 'damaged'

/** The folder of a decoder's graph ready to run. See preparedFiles. */
export function preparedGraph(
  cacheFolder: string,
  identity: readonly string[],
  source: () => DecoderSource,
  onProgress: (message: string) => void,
): Promise<string> {
  return preparedFiles(cacheFolder, identity, (graph) => writeDecoder(graph, source()), onProgress)
}

/**
 * The folder of a graph ready to run, from the disk cache or made now. An entry is complete or invisible (it is renamed
 * into place), and its bytes are checked against their hashes on every load: a damaged one is made again.
 *
 * @param identity everything that decides the graph's bytes, checkpoint hashes included
 */
export async function preparedFiles(
  cacheFolder: string,
  identity: readonly string[],
  write: (graph: GraphBuilder) => void,
  onProgress: (message: string) => void,
): Promise<string> {
  const key = createHash('sha256')
    .update([`v${graphVersion}`, ...identity].join('\n'))
    .digest('hex')
    .slice(0, 32)
  const folder = join(cacheFolder, key)
  const verdict = await inspect(folder)
  if (verdict === 'ready') return folder
  onProgress(verdict === 'damaged' ? `prepared graph ${key} is damaged, making it again` : `preparing graph ${key}`)
  try {
    await mkdir(cacheFolder, { recursive: true })
    await removeOldDrafts(cacheFolder)
    const draft = await mkdtemp(join(cacheFolder, 'draft-'))
    try {
      const graph = new GraphBuilder(draft)
      write(graph)
      await graph.finish()
      await writeManifest(draft)
      return await putInPlace(draft, folder, verdict)
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  } catch (error) {
    throw isUnwritable(error, cacheFolder) ? unwritable(cacheFolder, error) : error
  }
}

/** A full disk, a quota, a limit on files: only writing fails so. */
const noRoom = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
/** A folder of somebody else's, a file system that is read only; a checkpoint may be unreadable in the same way. */
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS'])

function isUnwritable(error: unknown, cacheFolder: string): error is Error {
  const { code = '', path = '' } = error as NodeJS.ErrnoException
  return noRoom.has(code) || (forbidden.has(code) && path.startsWith(cacheFolder))
}

function unwritable(cacheFolder: string, cause: Error): Error {
  const message = `The prepared graph cannot be written to ${cacheFolder} (${cause.message}): make room there, or name another folder in engine.cache.`
  return new Error(message, { cause })
}

const draftLifetimeMs = 3_600_000

/** What killed processes left behind; a draft that another process is writing now is younger. */
async function removeOldDrafts(cacheFolder: string): Promise<void> {
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith('draft-')) continue
    const { mtimeMs } = await stat(join(cacheFolder, name))
    if (Date.now() - mtimeMs > draftLifetimeMs) await rm(join(cacheFolder, name), { recursive: true, force: true })
  }
}

async function putInPlace(draft: string, folder: string, verdict: CacheVerdict): Promise<string> {
  if (verdict === 'damaged') await rm(folder, { recursive: true, force: true })
  try {
    await rename(draft, folder)
  } catch (error) {
    // another process may have put the same graph there meanwhile
    if ((await inspect(folder)) !== 'ready') throw error
  }
  return folder
}

async function writeManifest(folder: string): Promise<void> {
  const entries = await Promise.all(files.map((name) => describe(folder, name)))
  await writeFile(join(folder, manifestFile), JSON.stringify({ graphVersion, files: entries }))
}

async function describe(folder: string, name: (typeof files)[number]) {
  const path = join(folder, name)
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return { name, bytes: (await stat(path)).size, sha256: hash.digest('hex') }
}

async function inspect(folder: string): Promise<CacheVerdict> {
  try {
    await stat(folder)
  } catch (error) {
    if (isMissing(error)) return 'absent'
    throw error
  }
  try {
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(folder, manifestFile), 'utf8')))
    for (const entry of manifest.files) {
      const found = await describe(folder, entry.name)
      if (found.bytes !== entry.bytes || found.sha256 !== entry.sha256) return 'damaged'
    }
    return 'ready'
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError || error instanceof z.ZodError) return 'damaged'
    throw error
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
