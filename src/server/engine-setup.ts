import envPaths from 'env-paths'
import type { ModelSpec } from '../decoding/local/engine-options.ts'
import type { GuideCatalogue, GuideDefinition } from '../guidance/guide-catalogue.ts'
import { rewardCatalogue } from '../rm/reward-definition.ts'
import { type Config, threadsOf } from './config.ts'
import { localModels, servedLocalModels, servedModels, steeredModels, upstreamModels } from './configured-models.ts'
import type { EngineSetup } from './engine-messages.ts'
import type { ServedModels, ServedName } from './models.ts'
import { upstreamSettings } from './upstream-setup.ts'

/** What the engine process must load to serve a configuration. */
export function engineSetup(config: Config): EngineSetup {
  const { engine } = config
  const steered = steeredModels(config)
  return {
    models: Object.entries(localModels(config)).map(([name, model]) => ({
      name,
      source: model.path,
      weights: model.weights,
      adapters: adaptersOf(config, name),
      contextLength: model.context,
    })),
    upstreams: upstreamSettings(config),
    upstreamModels: Object.entries(steered).map(([name, model]) => {
      return { name, upstream: model.upstream, model: model.name ?? name, tokenizer: model.tokenizer }
    }),
    served: [...servedLocalModels(config), ...servedModels({ models: steered })],
    promises: Object.entries(config.aliases).flatMap(([alias, { model, policy }]) =>
      Object.hasOwn(steered, model) ? [{ alias, model, alignment: config.policies[policy]! }] : [],
    ),
    options: {
      memoryBytes: engine.memory,
      threads: threadsOf(config),
      maxRunning: engine.max_running,
      maxWaiting: engine.max_waiting,
      prefillBudget: engine.prefill_budget,
      cacheFolder: cacheFolder(config),
      // Hub ids are pulled before the engine starts, where a progress bar can be shown.
      hub: { cacheFolder: cacheFolder(config) },
    },
    catalogue: catalogueOf(config),
    rewards: rewardCatalogue(config.rewards, (guide) => readerOf(guide, config)),
  }
}

/** Where prepared graphs and pulled models are kept. */
export function cacheFolder(config?: Config): string {
  return config?.engine.cache ?? envPaths('trimtab', { suffix: '' }).cache
}

/** The names clients may use: served models, then aliases. */
export function servedNames(config: Config): ServedModels {
  const steered = steeredModels(config)
  const upstreamOf = (model: string) => {
    const { upstream, name } = upstreamModels(config)[model] ?? {}
    if (upstream === undefined) return undefined
    const renamed = name === model ? undefined : name
    return { name: upstream, renamed, ...(Object.hasOwn(steered, model) ? { steered: true as const } : {}) }
  }
  const models = servedModels(config).map(
    (name) => [name, { model: name, policy: undefined, upstream: upstreamOf(name) }] as const,
  )
  const aliases = Object.entries(config.aliases).map(
    ([name, alias]) => [name, { ...alias, upstream: upstreamOf(alias.model) }] as const,
  )
  return {
    names: new Map<string, ServedName>([...models, ...aliases]),
    policies: new Map(Object.entries(config.policies)),
    since: Math.floor(Date.now() / 1000),
  }
}

type TrainedGuide = Extract<Config['guides'][string], { kind: string }>

function adaptersOf(config: Config, model: string): ModelSpec['adapters'] {
  return Object.entries(config.guides).flatMap(([name, guide]) => {
    if (!('kind' in guide) || guide.adapter === undefined || baseOf(guide, config) !== model) return []
    return [{ name, source: guide.adapter }]
  })
}

function catalogueOf(config: Config): GuideCatalogue {
  return {
    guides: new Map(Object.entries(config.guides).map(([name, guide]) => [name, definitionOf(name, guide, config)])),
    objectives: new Map(Object.entries(config.objectives)),
  }
}

/** What a trained guide reads with; the configuration's check saw to it that it is one. */
function readerOf(name: string, config: Config) {
  const definition = definitionOf(name, config.guides[name]!, config)
  if (!('model' in definition)) throw new Error(`The guide '${name}' is not a model.`)
  return { model: definition.model, adapter: definition.adapter }
}

function definitionOf(name: string, guide: Config['guides'][string], config: Config): GuideDefinition {
  if ('principle' in guide) return { kind: 'principle', text: guide.principle }
  if ('contrast' in guide) return { kind: 'contrast', tuned: guide.contrast[0], untuned: guide.contrast[1] }
  const model = guide.model ?? baseOf(guide, config)
  const adapter = guide.adapter === undefined ? undefined : name
  if (guide.kind === 'unir') return { kind: 'unir', model, adapter }
  return { kind: 'genarm', model, adapter, template: guide.template }
}

/** The model an adapter belongs to; the configuration's check saw to it that there is one. */
function baseOf(guide: TrainedGuide, config: Config): string {
  return guide.base ?? servedLocalModels(config)[0]!
}
