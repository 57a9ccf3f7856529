import { openModelText } from '../checkpoint/model-text.ts'
import type { ServedModel } from '../served-model.ts'
import type { ProbeResult } from './engine-probe.ts'
import type { CallCounts } from './http/call-counters.ts'
import { openUpstream } from './http/pooled-upstream.ts'
import type { UpstreamClient } from './http/upstream-client.ts'
import type { UpstreamSettings } from './http/upstream-settings.ts'
import type { UpstreamModel } from './upstream-model.ts'
import { UpstreamStanding } from './upstream-standing.ts'

/** One model to be had from an upstream, with token ids. */
export interface UpstreamModelSpec {
  /** The name it has here. */
  readonly name: string
  readonly upstream: string
  /** The name it has there. */
  readonly model: string
  /** Folder of its tokenizer. */
  readonly tokenizer: string
}

/** The upstream models that can be steered: opened from their tokenizers, probed when they are first needed and again when it is due. */
export class UpstreamFleet {
  /** All models, as the rooms above see them. */
  readonly models: ReadonlyMap<string, ServedModel>
  /** Those that a probe found usable; what a decoder opens sequences on. */
  readonly usable = new Map<string, UpstreamModel>()
  readonly #clients: readonly UpstreamClient[]
  readonly #standings: ReadonlyMap<string, UpstreamStanding>

  /** @throws CheckpointError for a tokenizer that cannot be read */
  constructor(upstreams: readonly UpstreamSettings[], specs: readonly UpstreamModelSpec[], now?: () => number) {
    const wanted = upstreams.filter(({ name }) => specs.some(({ upstream }) => upstream === name))
    const texts = specs.map((spec) => ({ spec, text: openModelText(spec.tokenizer) }))
    const clients = new Map(wanted.map((settings) => [settings.name, { settings, client: openUpstream(settings) }]))
    this.#clients = [...clients.values()].map(({ client }) => client)
    this.#standings = new Map(
      texts.map(({ spec, text }) => {
        const { client, settings } = clients.get(spec.upstream)!
        return [spec.name, new UpstreamStanding(client, settings.kind, spec.model, text, now)]
      }),
    )
    this.models = new Map([...this.#standings].map(([name, standing]) => [name, standing.served(name)]))
  }

  /**
   * Makes sure that a model is what it is taken for: probes it the first time, and looks again where some time has passed or a
   * call failed. Other names are none of its business.
   * @throws UpstreamError when it cannot be reached, serves another model, or cannot be steered
   */
  async prepare(name: string, signal: AbortSignal): Promise<void> {
    const standing = this.#standings.get(name)
    if (standing === undefined) return
    const before = standing.probe
    try {
      await standing.verify(signal)
    } catch (error) {
      if (standing.probe === undefined) this.usable.delete(name)
      throw error
    }
    if (standing.probe !== before || !this.usable.has(name)) this.usable.set(name, standing.model(name))
  }

  /** A call to this upstream failed: before its models are used again they are looked at anew. */
  doubt(upstream: string): void {
    for (const standing of this.#standings.values()) if (standing.upstream === upstream) standing.doubt()
  }

  /** What came of the calls to each upstream. */
  counts(): Readonly<Record<string, CallCounts>> {
    return Object.fromEntries(this.#clients.map((client) => [client.name, client.counts]))
  }

  /** What the last probe of a model found. */
  probeOf(name: string): ProbeResult | undefined {
    return this.#standings.get(name)?.probe
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()))
  }
}
