import { mkdirSync } from 'node:fs'
import type { HubOptions, HubProgress, HubTarget } from './hub.ts'
import { notePull } from './hub-completion.ts'
import { downloadFile } from './hub-download.ts'
import { describeHubError } from './hub-error.ts'
import { createHubFetch, type HubFetch } from './hub-fetch.ts'
import { listHubFiles } from './hub-listing.ts'

/** A download under way: where from, and how. */
export interface HubSession {
  readonly id: string
  readonly hubUrl: string
  readonly revision: string
  readonly fetch: HubFetch
  readonly accessToken: string | undefined
  readonly onProgress: (progress: HubProgress) => void
  readonly signal: AbortSignal | undefined
}

const defaultHubUrl = 'https://huggingface.co'

/**
 * Lists a repository and downloads into a folder what serving needs of it, then notes there that nothing is missing.
 * @throws CheckpointError when the hub cannot be reached, refuses, or sends other bytes than it announced; the signal's
 * reason when it was aborted
 */
export async function downloadRepository(target: HubTarget, options: HubOptions): Promise<void> {
  const { id, revision, folder } = target
  const session: HubSession = {
    id,
    hubUrl: (options.hubUrl ?? defaultHubUrl).replace(/\/+$/, ''),
    revision,
    fetch: createHubFetch(options.signal),
    accessToken: options.accessToken,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
  }
  try {
    mkdirSync(folder, { recursive: true })
    const listing = await listHubFiles(session)
    for (const file of listing.files) await downloadFile({ ...session, revision: listing.commit }, folder, file)
    notePull(folder, { ...listing, ...target })
  } catch (error) {
    options.signal?.throwIfAborted()
    throw describeHubError(session, error)
  }
}
