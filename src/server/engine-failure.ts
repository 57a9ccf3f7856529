import { ContextLengthError, InvalidRequestError, OverloadedError, UnknownModelError } from '../decoding/errors.ts'
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
  const message = error instanceof Error ? error.message : String(error)
  return { kind: 'engine-error', message: `The engine failed: ${message}`, param: undefined }
}
