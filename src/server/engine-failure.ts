import { ContextLengthError, InvalidRequestError, OverloadedError, UnknownModelError } from '../decoding/errors.ts'
import { UpstreamError } from '../decoding/upstream/http/upstream-error.ts'
import { RewardError } from '../rm/reward-error.ts'
import type { EngineFailure, Prompt } from './engine-messages.ts'

/** An error of the rooms below as data that crosses the process boundary. */
export function toEngineFailure(error: unknown, prompt: Prompt['type'] | undefined): EngineFailure {
  if (error instanceof ContextLengthError) {
    return { kind: 'context-length', message: error.message, param: prompt === 'messages' ? 'messages' : 'prompt' }
  }
  if (error instanceof OverloadedError) return { kind: 'overloaded', message: error.message, param: undefined }
  if (error instanceof UnknownModelError) return { kind: 'unknown-model', message: error.message, param: 'model' }
  if (error instanceof InvalidRequestError)
    return { kind: 'invalid-request', message: error.message, param: error.param }
  if (error instanceof RewardError) return { kind: 'reward-failed', message: error.message, param: undefined }
  if (error instanceof UpstreamError) return upstreamFailure(error)
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'engine-error', message: `The engine failed: ${message}`, param: undefined }
}

/** An engine that says it is busy or still loading is unavailable for the moment, whatever else it answers is its fault. */
function upstreamFailure({ kind, status, message, retryAfter }: UpstreamError): EngineFailure {
  const busy = kind === 'unavailable' || (kind === 'status' && (status === 429 || status === 503))
  return { kind: busy ? 'upstream-unavailable' : upstreamKinds[kind], message, param: undefined, retryAfter }
}

const upstreamKinds = {
  unreachable: 'upstream-unreachable',
  timeout: 'upstream-timeout',
  unavailable: 'upstream-unavailable',
  status: 'upstream-broken',
  protocol: 'upstream-broken',
} as const
