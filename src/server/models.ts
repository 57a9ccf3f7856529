import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import { ApiProblem } from './api-problem.ts'
import type { Caller } from './keys/caller.ts'

/** A name that clients may put in `model`. */
export interface ServedName {
  /** The configured model behind it. */
  readonly model: string
  /** The policy an alias brings. */
  readonly policy: string | undefined
  /** Who serves it; absent: the own engine. */
  readonly upstream?: ServedUpstream | undefined
}

export interface ServedUpstream {
  readonly name: string
  /** What the upstream calls the model, where that is another name. */
  readonly renamed: string | undefined
  /** Aligned requests are decoded here, over the upstream; otherwise it cannot be steered. */
  readonly steered?: true
}

export interface ServedModels {
  readonly names: ReadonlyMap<string, ServedName>
  readonly policies: ReadonlyMap<string, AlignmentOptions>
  /** Unix seconds; OpenAI's `created`. */
  readonly since: number
}

/** @throws ApiProblem `model-not-found` with the names there are */
export function findModel(models: ServedModels, name: string): ServedName {
  const found = models.names.get(name)
  if (found !== undefined) return found
  const known = [...models.names.keys()].join(', ')
  throw new ApiProblem('model-not-found', `The model '${name}' does not exist. Known models: ${known}.`, {
    param: 'model',
  })
}

/** Body of GET /v1/models. */
export function listModels(models: ServedModels, caller?: Caller) {
  const names = [...models.names.keys()].filter((name) => caller?.mayUse(name) ?? true)
  return { object: 'list', data: names.map((name) => describeModel(models, name)) }
}

/** Body of GET /v1/models/{id}. */
export function retrieveModel(models: ServedModels, name: string) {
  findModel(models, name)
  return describeModel(models, name)
}

function describeModel(models: ServedModels, name: string) {
  const served = models.names.get(name)
  const alias = served?.policy === undefined ? {} : { root: served.model, alignment: { policy: served.policy } }
  return { id: name, object: 'model', created: models.since, owned_by: 'trimtab', ...alias }
}
