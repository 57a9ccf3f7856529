import { ApiProblem } from './api-problem.ts'
import type { Engine } from './engine.ts'

/** In the engine's place where everything is served by upstreams: no process is started and no weights are loaded. */
export const absentEngine: Engine & { readonly inFlight: 0; close(): Promise<void> } = {
  state: { status: 'absent', models: [], restarts: 0 },
  inFlight: 0,
  generate: refuse,
  judge: refuse,
  stats: () => Promise.reject(absence()),
  close: () => Promise.resolve(),
}

function refuse(): never {
  throw absence()
}

function absence(): ApiProblem {
  return new ApiProblem('engine-unavailable', 'No model of this server runs on its own engine.')
}
