import type { Config } from './config.ts'

export type LocalModel = Extract<Config['models'][string], { path: string }>
export type UpstreamModel = Extract<Config['models'][string], { upstream: string }>

export type SteeredModel = UpstreamModel & { readonly tokenizer: string }

/** Models that the own engine runs. */
export function localModels(config: Pick<Config, 'models'>): Readonly<Record<string, LocalModel>> {
  return Object.fromEntries(
    Object.entries(config.models).flatMap(([name, model]) => ('path' in model ? [[name, model]] : [])),
  )
}

/** Models that an upstream serves. */
export function upstreamModels(config: Pick<Config, 'models'>): Readonly<Record<string, UpstreamModel>> {
  return Object.fromEntries(
    Object.entries(config.models).flatMap(([name, model]) => ('upstream' in model ? [[name, model]] : [])),
  )
}

/** Names of all models that clients may ask for. */
export function servedModels(config: Pick<Config, 'models'>): readonly string[] {
  return Object.entries(config.models).flatMap(([name, model]) => (model.served ? [name] : []))
}

/** Of these, the ones of the own engine. */
export function servedLocalModels(config: Pick<Config, 'models'>): readonly string[] {
  return servedModels({ models: localModels(config) })
}

/** Upstream models whose tokenizer is at hand, so that aligned requests to them are decoded here. */
export function steeredModels(config: Pick<Config, 'models'>): Readonly<Record<string, SteeredModel>> {
  return Object.fromEntries(
    Object.entries(upstreamModels(config)).flatMap(([name, { tokenizer, ...model }]) =>
      tokenizer === undefined ? [] : [[name, { ...model, tokenizer }]],
    ),
  )
}
