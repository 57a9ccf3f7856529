import type { Logger } from 'pino'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import type { Config } from './config.ts'
import { ConfigError } from './environment-references.ts'
import type { Metrics } from './metrics/metrics.ts'
import { restartNeeds } from './restart-needs.ts'
import { type Settings, settingsOf } from './settings.ts'
import { closeWhenIdle, leftBehind } from './upstream-setup.ts'

/** The settings in force. A reload replaces them whole or not at all; requests under way go on with what they began with. */
export class LiveSettings {
  #current: Settings
  readonly #log: Logger
  readonly #metrics: Metrics
  readonly #retiring = new Set<UpstreamClient>()

  constructor(config: Config, log: Logger, metrics: Metrics) {
    this.#current = settingsOf(config)
    this.#log = log
    this.#metrics = metrics
  }

  get current(): Settings {
    return this.#current
  }

  /** Puts a new configuration in place, or says why the old one stays. */
  reload(read: () => Config): void {
    const next = this.#readable(read)
    if (next === undefined) return
    const before = this.#current
    const parts = restartNeeds(before.config, next)
    if (parts.length > 0) {
      this.#metrics.reloaded('restart_required')
      this.#log.error({ parts }, `configuration not reloaded: a restart is needed to change ${parts.join(', ')}`)
      return
    }
    this.#current = settingsOf(next, before)
    for (const client of leftBehind(before.upstreams, this.#current.upstreams)) void this.#retire(client)
    this.#log.level = next.logging.level
    this.#metrics.reloaded('ok')
    this.#log.info('configuration reloaded')
  }

  /** Those that a reload left behind too, while they have requests. */
  get upstreamClients(): readonly UpstreamClient[] {
    return [...[...this.#current.upstreams.byName.values()].map(({ client }) => client), ...this.#retiring]
  }

  async #retire(client: UpstreamClient): Promise<void> {
    this.#retiring.add(client)
    await closeWhenIdle(client)
    this.#retiring.delete(client)
  }

  #readable(read: () => Config): Config | undefined {
    try {
      return read()
    } catch (error) {
      this.#metrics.reloaded('invalid')
      // Whatever else goes wrong while a file is read, requests under way must not pay for it.
      const told = error instanceof ConfigError ? { reason: error.message } : { err: error }
      this.#log.error(told, 'configuration not reloaded: the new one is not valid')
      return undefined
    }
  }
}
