import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LoadedClassifier, openClassifier } from '../../src/decoding/local/classifier.ts'

const scratch = mkdtempSync(join(tmpdir(), 'trimtab-classifiers-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

export const classifierOptions = { threads: 1, cacheFolder: scratch, hub: { cacheFolder: scratch } }

/** Folder of one of the random classifiers of test/reference/record_rewards.py. */
export const rewardFolder = (name: string): string =>
  fileURLToPath(new URL(`../reference/rewards/${name}`, import.meta.url))

export const openRandom = (name: string, contextLength?: number): Promise<LoadedClassifier> =>
  openClassifier({ name, source: rewardFolder(name), weights: 'fp32', contextLength }, classifierOptions)

/** A classifier with other numbers than its network's, and what it was fed. */
export function withNumbers(
  classifier: LoadedClassifier,
  numbers: (ids: readonly number[]) => readonly number[],
): LoadedClassifier & { readonly fed: string[] } {
  const fed: string[] = []
  const read = async ({ ids }: { ids: readonly number[] }) => {
    fed.push(ids.map((id) => classifier.tokenizer.tokenOf(id)).join(''))
    return Float32Array.from(numbers(ids))
  }
  return { ...classifier, fed, pooled: read, everywhere: read }
}
