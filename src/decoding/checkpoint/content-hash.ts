import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'

/**
 * SHA-256 over the names, lengths and bytes of files, in the order given, in hex. Files are streamed.
 * @throws the file system's error when one cannot be read
 */
export async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths) {
    // With its length before it, no file's end can pass for the beginning of the next.
    hash.update(JSON.stringify([basename(path), (await stat(path)).size]))
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  }
  return hash.digest('hex')
}
