import type { ModelText } from '../checkpoint/model-text.ts'
import type { ServedModel } from '../served-model.ts'
import { type EngineKind, engineKinds, steeringProblems } from './engine-kinds.ts'
import type { ProbeResult } from './engine-probe.ts'
import type { UpstreamClient } from './http/upstream-client.ts'
import { UpstreamError } from './http/upstream-error.ts'
import type { UpstreamKind } from './http/upstream-settings.ts'
import type { UpstreamModel } from './upstream-model.ts'

/** How long an engine is believed to be what it was, in milliseconds: as long as nothing else is heard of it. */
const trustMs = 10_000

/** What is known of one model of an upstream, and since when. */
export class UpstreamStanding {
  probe: ProbeResult | undefined
  readonly #client: UpstreamClient
  readonly #kind: UpstreamKind
  readonly #model: string
  readonly #text: ModelText
  readonly #now: () => number
  #verifiedAt = Number.NEGATIVE_INFINITY
  #probedAt = Number.NEGATIVE_INFINITY
  #doubted = false
  #verifying: Promise<void> | undefined

  constructor(
    client: UpstreamClient,
    kind: UpstreamKind,
    model: string,
    text: ModelText,
    now: () => number = () => performance.now(),
  ) {
    this.#client = client
    this.#kind = kind
    this.#model = model
    this.#text = text
    this.#now = now
  }

  get upstream(): string {
    return this.#client.name
  }

  served(name: string): ServedModel {
    const { source, tokenizer, chatTemplate, eosTokenIds } = this.#text
    const contextLength = () => this.probe?.abilities.contextLength ?? Number.POSITIVE_INFINITY
    return {
      name,
      source,
      tokenizer,
      chatTemplate,
      eosTokenIds,
      adapterNames: [],
      get contextLength() {
        return contextLength()
      },
    }
  }

  /** The model as a decoder uses it; only after `verify`. */
  model(name: string): UpstreamModel {
    const { tokenizer, eosTokenIds } = this.#text
    const { abilities, inside = false } = this.probe!
    const engine = this.#adapter().open(this.#client, abilities, this.#text)
    const contextLength = abilities.contextLength ?? Number.POSITIVE_INFINITY
    return { name, engine, model: this.#model, tokenizer, eosTokenIds, contextLength, inside }
  }

  /** Something went wrong: whoever answers next may be another engine. */
  doubt(): void {
    this.#verifiedAt = Number.NEGATIVE_INFINITY
    this.#doubted = true
  }

  /** Several callers share one probe; each leaves by its own signal. */
  async verify(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.probe !== undefined && this.#now() - this.#verifiedAt < trustMs) return
    this.#verifying ??= this.#verify().finally(() => {
      this.#verifying = undefined
    })
    await Promise.race([this.#verifying, rejection(signal)])
  }

  async #verify(): Promise<void> {
    const { signal } = new AbortController()
    if (this.probe !== undefined) {
      const identity = await this.#adapter().identity(this.#client, this.#model, signal)
      // after a failure its options may be others; but an engine that keeps failing is not kept busy with probes
      const stale = this.#doubted && this.#now() - this.#probedAt >= trustMs
      if (identity === this.probe.identity && !stale) return this.#trust()
      this.probe = undefined
    }
    const found = await this.look(signal)
    const problems = steeringProblems(this.#kind, found)
    if (problems.length > 0)
      throw new UpstreamError('protocol', this.#client.name, `cannot be steered: ${problems.join('; ')}`)
    this.probe = found
    this.#probedAt = this.#now()
    this.#doubted = false
    this.#trust()
  }

  /** Asks the engine what it can do; remembers nothing. */
  look(signal: AbortSignal): Promise<ProbeResult> {
    const { tokenizer, chatTemplate } = this.#text
    return this.#adapter().probe(this.#client, { model: this.#model, tokenizer, chatTemplate }, signal)
  }

  #adapter(): EngineKind {
    const found = engineKinds[this.#kind]
    if (found !== undefined) return found
    throw new UpstreamError(
      'protocol',
      this.#client.name,
      `is of kind '${this.#kind}', which cannot be steered by token`,
    )
  }

  #trust(): void {
    this.#verifiedAt = this.#now()
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
