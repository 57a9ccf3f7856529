import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

const sampleBytes = 4096
const samples = 256

/**
 * A short hash of what decides a checkpoint's answers: its JSON files, and of each weight file the size and evenly spread
 * samples, its header among them. A whole hash would read gigabytes; training moves every sampled number.
 */
export function checkpointFingerprint(folders: readonly string[]): string {
  const hash = createHash('sha256')
  for (const folder of folders) {
    for (const name of readdirSync(folder).sort()) {
      const file = join(folder, name)
      if (/\.(json|jinja)$/.test(name)) hash.update(name).update(readFileSync(file))
      if (name.endsWith('.safetensors')) sampleFile(hash.update(name), file)
    }
  }
  return hash.digest('hex').slice(0, 16)
}

function sampleFile(hash: Hash, file: string): void {
  const { size } = statSync(file)
  hash.update(String(size))
  const stride = Math.max(sampleBytes, Math.floor(size / samples))
  const buffer = Buffer.alloc(sampleBytes)
  const descriptor = openSync(file, 'r')
  try {
    for (let position = 0; position < size; position += stride) {
      hash.update(buffer.subarray(0, readSync(descriptor, buffer, 0, sampleBytes, position)))
    }
  } finally {
    closeSync(descriptor)
  }
}
