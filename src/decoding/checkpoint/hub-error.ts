import { HubApiError } from '@huggingface/hub'
import { CheckpointError } from '../errors.ts'
import type { HubSession } from './hub-repository.ts'

/** What went wrong with a download, and what the user can do about it. */
export function describeHubError(session: HubSession, error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return error
  return new CheckpointError(session.id, reasonOf(session, error))
}

function reasonOf(session: HubSession, error: unknown): string {
  if (error instanceof HubApiError) return refusal(session, error)
  const code = errorCode(error)
  // A connection's error comes wrapped in a TypeError; a bare one is the disk's.
  if (error instanceof Error && 'syscall' in error && !(error instanceof TypeError)) {
    return `the download cannot be written to disk: ${error.message}`
  }
  if (error instanceof TypeError && (code !== undefined || /fetch failed|terminated/.test(error.message))) {
    return (
      `the hub at ${session.hubUrl} cannot be reached (${code ?? error.message}). ` +
      'If this network has a mirror, set HF_ENDPOINT to its URL; or give a folder with the checkpoint instead of a hub id.'
    )
  }
  return error instanceof Error ? error.message : String(error)
}

function refusal(session: HubSession, error: HubApiError): string {
  const at = `the hub at ${session.hubUrl}`
  if (error.statusCode === 401 || error.statusCode === 403) {
    return session.accessToken === undefined
      ? `${at} asks for an access token (status ${error.statusCode}): the model is private or gated (set HF_TOKEN to a token), or there is no such id`
      : `${at} refuses this access token (status ${error.statusCode}): accept the model's terms on its page, or check HF_TOKEN and the id`
  }
  if (error.statusCode === 404)
    return `${at} has no such model, or no revision '${session.revision}' of it (status 404)`
  return `${at} answered with status ${error.statusCode}: ${error.message}`
}

/** The system's code for a failed connection: fetch hides it one or two causes down. */
function errorCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code
  }
  return undefined
}
