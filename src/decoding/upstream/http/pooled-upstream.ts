import { setTimeout as sleep } from 'node:timers/promises'
import type { EventSourceMessage } from 'eventsource-parser'
import { attempt } from './attempt.ts'
import { CallCounters, type CallCounts } from './call-counters.ts'
import { type CallScope, openScope } from './call-scope.ts'
import { chooseReplica } from './choose-replica.ts'
import { type HealthWatch, probeReplica, watchHealth } from './health-checks.ts'
import { eventsOf, jsonOf } from './read-reply.ts'
import { Replica } from './replica.ts'
import { abortReason } from './reply.ts'
import { RetryBudget } from './retry-budget.ts'
import type {
  Affinity,
  CallOptions,
  Deadlines,
  ReplicaState,
  UpstreamCall,
  UpstreamClient,
  UpstreamReply,
} from './upstream-client.ts'
import { UpstreamError } from './upstream-error.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

/** Opens the connections to an upstream lazily and its health checks at once. `now` is the breakers' clock, in milliseconds. */
export function openUpstream(settings: UpstreamSettings, now: () => number = () => performance.now()): UpstreamClient {
  return new PooledUpstream(settings, now)
}

class PooledUpstream implements UpstreamClient {
  readonly #settings: UpstreamSettings
  readonly #replicas: readonly Replica[]
  readonly #budget: RetryBudget
  readonly #chosen = new WeakMap<Affinity, Replica>()
  readonly #watch: HealthWatch
  readonly #ownHeaders: readonly string[]
  readonly #counters = new CallCounters()

  constructor(settings: UpstreamSettings, now: () => number) {
    this.#settings = settings
    this.#replicas = settings.roots.map((root) => new Replica(root, settings, now))
    this.#budget = new RetryBudget(settings.retries)
    this.#ownHeaders = settings.apiKey === undefined ? [] : ['authorization', `Bearer ${settings.apiKey}`]
    this.#watch = watchHealth(this.#replicas, settings.health, this.#ownHeaders)
  }

  get name(): string {
    return this.#settings.name
  }

  get replicas(): readonly ReplicaState[] {
    return this.#replicas.map(({ state }) => state)
  }

  get inFlight(): number {
    return this.#replicas.reduce((sum, { load }) => sum + load, 0)
  }

  get counts(): CallCounts {
    return this.#counters.read()
  }

  async request(call: UpstreamCall, options: CallOptions): Promise<UpstreamReply> {
    const deadlines = { ...this.#settings.deadlines, ...options.deadlines }
    const scope = openScope(options.signal, deadlines.totalMs)
    let open = 0
    let handedOver = false
    // The scope ends with the last attempt, be that before the reply is handed over or long after.
    const onEnd = () => {
      open -= 1
      if (open === 0 && handedOver) scope.end()
    }
    try {
      this.#budget.payIn()
      const reply = await this.#attempts(call, options, deadlines, scope, () => {
        open += 1
        return onEnd
      })
      handedOver = true
      return reply
    } finally {
      if (!handedOver || open === 0) scope.end()
    }
  }

  async #attempts(
    call: UpstreamCall,
    options: CallOptions,
    deadlines: Deadlines,
    scope: CallScope,
    begin: () => () => void,
  ): Promise<UpstreamReply> {
    const { name, retries } = this.#settings
    const { traceparent } = options.affinity ?? {}
    const traced = traceparent === undefined ? [] : ['traceparent', traceparent]
    const withKey = { ...call, headers: [...(call.headers ?? []), ...traced, ...this.#ownHeaders] }
    const most = options.retries ?? retries.attempts
    const tried = new Set<Replica>()
    for (let made = 0; ; made++) {
      if (scope.signal.aborted) throw abortReason(name, scope.signal)
      const replica = this.#choose(options.affinity, tried)
      const outcome = await this.#counters.count(attempt(name, replica, withKey, scope, deadlines, begin()))
      if ('reply' in outcome && !outcome.unserved) return outcome.reply
      if ('failure' in outcome && outcome.failure.error.kind === 'unreachable') this.#watch.suspect(replica)
      tried.add(replica)
      const again = made < most && this.#mayRepeat(outcome, tried) && this.#budget.take()
      if (!again) {
        if ('reply' in outcome) return outcome.reply
        throw outcome.failure.error
      }
      this.#counters.retried()
      if ('reply' in outcome) outcome.reply.cancel()
      if (!this.#hasUntried(tried)) await this.#backOff(made, scope)
    }
  }

  /** A slow replica is not asked twice: it may still be at work on the first. Where nobody can be asked, the failure at hand tells more. */
  #mayRepeat(outcome: Awaited<ReturnType<typeof attempt>>, tried: ReadonlySet<Replica>): boolean {
    if (!this.#replicas.some(({ breaker }) => breaker.admits)) return false
    if ('reply' in outcome || outcome.failure.repetition === 'anywhere') return true
    return outcome.failure.repetition === 'elsewhere' && this.#hasUntried(tried)
  }

  #hasUntried(tried: ReadonlySet<Replica>): boolean {
    return this.#replicas.some((replica) => !tried.has(replica) && !replica.isDown && replica.breaker.admits)
  }

  async #backOff(retry: number, { signal }: CallScope): Promise<void> {
    try {
      await sleep(this.#settings.retries.backOffMs * 2 ** retry, undefined, { signal })
    } catch {
      throw abortReason(this.name, signal)
    }
  }

  #choose(affinity: Affinity | undefined, tried: ReadonlySet<Replica>): Replica {
    const earlier = affinity === undefined ? undefined : this.#chosen.get(affinity)
    if (earlier?.breaker.admits && !earlier.isDown && !tried.has(earlier)) return earlier
    const replica = chooseReplica(this.#replicas, affinity?.prefix, tried)
    if (replica === undefined) throw this.#unavailable()
    if (affinity !== undefined) this.#chosen.set(affinity, replica)
    return replica
  }

  #unavailable(): UpstreamError {
    const waitMs = Math.min(...this.#replicas.map(({ breaker }) => breaker.waitMs))
    return new UpstreamError('unavailable', this.name, 'failed too often just now and is left alone for a while', {
      retryAfter: Math.max(1, Math.ceil(waitMs / 1000)),
    })
  }

  async json(path: string, body: unknown, options: CallOptions): Promise<unknown> {
    return await jsonOf(this.name, await this.request(jsonCall(path, body), options))
  }

  async *events(path: string, body: unknown, options: CallOptions): AsyncGenerator<EventSourceMessage> {
    yield* eventsOf(this.name, await this.request(jsonCall(path, body), options))
  }

  async probe(signal: AbortSignal): Promise<readonly ReplicaState[]> {
    const { health } = this.#settings
    await Promise.all(this.#replicas.map((replica) => probeReplica(replica, health, this.#ownHeaders, signal)))
    return this.replicas
  }

  async close(): Promise<void> {
    await this.#watch.stop()
    await Promise.all(this.#replicas.map(({ pool }) => pool.destroy()))
  }
}

function jsonCall(path: string, body: unknown): UpstreamCall {
  if (body === undefined) return { method: 'GET', path }
  return {
    method: 'POST',
    path,
    headers: ['content-type', 'application/json'],
    body: Buffer.from(JSON.stringify(body)),
  }
}
