import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isPullComplete } from './hub-completion.ts'

export interface HubOptions {
  /** Where downloaded checkpoints are kept, one folder per id and revision. */
  readonly cacheFolder: string
  /** Defaults to https://huggingface.co. */
  readonly hubUrl?: string | undefined
  /** For private and gated repositories: `hf_...`. */
  readonly accessToken?: string | undefined
  /** Branch, tag or commit; defaults to `main`. */
  readonly revision?: string | undefined
  readonly onProgress?: ((progress: HubProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface HubProgress {
  readonly file: string
  /** Bytes on disk, those of an earlier interrupted pull included. */
  readonly bytes: number
  readonly totalBytes: number
}

/** Where a repository's files go, and what they are a state of. */
export interface HubTarget {
  readonly id: string
  readonly revision: string
  readonly folder: string
}

/** Whether `source` names a repository of the hub: `org/name`, and no folder here has that path. */
export function isHubId(source: string): boolean {
  return /^\w[\w.-]*\/\w[\w.-]*$/.test(source) && statSync(source, { throwIfNoEntry: false }) === undefined
}

/** The folder that a model's name stands for: itself, or a hub id's after a download where needed. */
export async function resolveFolder(source: string, options: HubOptions): Promise<string> {
  return isHubId(source) ? await pullFromHub(source, options) : source
}

/**
 * Downloads what serving needs of a repository and returns its folder. Files that are complete stay, an interrupted one
 * is continued, each is checked against the hub's digest before it takes its name; a complete folder is returned without
 * asking the hub.
 * @throws CheckpointError when the hub cannot be reached, refuses, or sends other bytes than it announced
 */
export async function pullFromHub(id: string, options: HubOptions): Promise<string> {
  const revision = options.revision ?? 'main'
  const folder = join(options.cacheFolder, `${id.replace('/', '--')}@${encodeURIComponent(revision)}`)
  if (isPullComplete(folder)) return folder
  // Loaded only now: the hub's and the HTTP library take longer to load than a small model.
  const { downloadRepository } = await import('./hub-repository.ts')
  await downloadRepository({ id, revision, folder }, options)
  return folder
}
