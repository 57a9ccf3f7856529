import type { EngineReport, GenerationEvent, GenerationRequest, ModelCard, RewardRequest } from './engine-messages.ts'

/**
 * `starting` and `restarting` come to `ready` by themselves; `failed` and `stopped` do not. `full`: at its memory ceiling, it
 * works on what it has and takes no more. `absent`: there is none, and none is needed.
 */
export type EngineStatus = 'starting' | 'ready' | 'full' | 'restarting' | 'failed' | 'stopped' | 'absent'

export interface EngineState {
  readonly status: EngineStatus
  readonly models: readonly ModelCard[]
  /** Times the process had to be started again. */
  readonly restarts: number
  /** Absent: there is no ceiling. */
  readonly memoryCeilingBytes?: number | undefined
}

/** The engine as the routes see it: the process behind EngineClient, or a toy in tests. */
export interface Engine {
  readonly state: EngineState
  /**
   * What happens to the request, in batches of what arrived together. Leaving the loop or aborting stops its work.
   * @throws ApiProblem; the signal's reason
   */
  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<readonly GenerationEvent[]>
  /** The verdicts on given answers, as one event; otherwise like `generate`. */
  judge(request: RewardRequest, signal: AbortSignal): AsyncIterable<readonly GenerationEvent[]>
  /** @throws ApiProblem when the engine is not running */
  stats(): Promise<EngineReport>
}

/** The models could not be loaded; the message says why. */
export class EngineLoadError extends Error {
  override readonly name = 'EngineLoadError'
}
