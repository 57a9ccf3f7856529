import { alignmentCatalogue } from './alignment-catalogue.ts'
import type { Config } from './config.ts'
import { servedNames } from './engine-setup.ts'
import type { Gateway } from './gateway.ts'
import { KeyRing } from './keys/key-ring.ts'
import { openUpstreams } from './upstream-setup.ts'

/** What requests are answered by and a reload replaces, all at once. */
export interface Settings
  extends Pick<
    Gateway,
    'models' | 'upstreams' | 'rewards' | 'catalogue' | 'limits' | 'keys' | 'metricsAccess' | 'corsOrigins'
  > {
  readonly config: Config
}

/** @param before what these replace: upstreams and keys whose entries are the same go on as they stand */
export function settingsOf(config: Config, before?: Settings): Settings {
  const { server } = config
  return {
    config,
    models: servedNames(config),
    upstreams: openUpstreams(config, before && { config: before.config, upstreams: before.upstreams }),
    rewards: Object.keys(config.rewards),
    catalogue: alignmentCatalogue(config),
    limits: {
      bodyBytes: server.body_limit,
      maxChoices: server.max_n,
      defaultMaxTokens: server.default_max_tokens,
      keepAliveMs: server.keep_alive_seconds * 1000,
      heldLogprobs: server.max_held_logprobs,
      inFlightCost: server.max_in_flight_cost,
    },
    keys: new KeyRing(config.keys, before?.keys),
    metricsAccess: config.metrics.access,
    corsOrigins: server.cors_origins,
  }
}
