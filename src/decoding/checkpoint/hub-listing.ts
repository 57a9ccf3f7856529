import { listFiles, modelInfo } from '@huggingface/hub'
import { CheckpointError } from '../errors.ts'
import type { HubSession } from './hub-repository.ts'

/** A file of a repository and the digest the hub announces for it. */
export interface HubFile {
  readonly path: string
  /** Bytes */
  readonly size: number
  /** SHA-256 of the content for files in large-file storage, else git's SHA-1 of it as a blob; in hex. */
  readonly digest: { readonly kind: 'sha256' | 'git-blob'; readonly hex: string }
}

export interface HubListing {
  /** The commit that the revision named when it was listed: all files come from it. */
  readonly commit: string
  readonly files: readonly HubFile[]
}

/** Of the repository's top folder; `consolidated.safetensors` and the like hold the same weights once more. */
const neededFile =
  /^(config\.json|generation_config\.json|tokenizer[\w.-]*\.json|special_tokens_map\.json|chat_template\.jinja|adapter_config\.json|(adapter_)?model[\w.-]*\.safetensors(\.index\.json)?)$/

/**
 * The files of a repository that serving needs, small ones first.
 * @throws CheckpointError when it is no checkpoint in safetensors format; HubApiError and fetch's errors as they come
 */
export async function listHubFiles(session: HubSession): Promise<HubListing> {
  const credentials = session.accessToken === undefined ? {} : { accessToken: session.accessToken }
  const request = { hubUrl: session.hubUrl, fetch: session.fetch, ...credentials }
  const info = await modelInfo({ ...request, name: session.id, revision: session.revision, additionalFields: ['sha'] })
  const files: HubFile[] = []
  for await (const entry of listFiles({ ...request, repo: session.id, revision: info.sha })) {
    if (entry.type !== 'file' || !neededFile.test(entry.path)) continue
    const digest = entry.lfs !== undefined ? sha256(entry.lfs.oid) : { kind: 'git-blob' as const, hex: entry.oid ?? '' }
    files.push({ path: entry.path, size: entry.lfs?.size ?? entry.size, digest })
  }
  refuseIncomplete(session.id, files)
  return { commit: info.sha, files: files.sort((a, b) => a.size - b.size) }
}

function sha256(oid: string): HubFile['digest'] {
  // The API writes the bare digest; pointer files write `sha256:` before it.
  return { kind: 'sha256', hex: oid.replace(/^sha256:/, '') }
}

function refuseIncomplete(id: string, files: readonly HubFile[]): void {
  const has = (pattern: RegExp) => files.some(({ path }) => pattern.test(path))
  if (!has(/^(config|adapter_config)\.json$/)) {
    throw new CheckpointError(id, 'the repository has neither config.json nor adapter_config.json')
  }
  if (!has(/\.safetensors$/)) throw new CheckpointError(id, 'the repository has no weights in safetensors format')
}
