import { ApiProblem } from '../api-problem.ts'
import type { Demand } from './demand.ts'
import type { KeyConfig } from './key-config.ts'
import { rateHeaders } from './rate-headers.ts'
import { TokenBucket } from './token-bucket.ts'

/** Thrown for a limit that was met; `limit` goes into the metrics. */
export class LimitProblem extends ApiProblem {
  readonly limit: 'requests' | 'tokens' | 'concurrency'

  constructor(limit: LimitProblem['limit'], message: string, waitMs: number) {
    super('rate-limited', message, { retryAfter: Math.max(1, Math.ceil(waitMs / 1000)) })
    this.limit = limit
  }
}

/** What a request was given; to be returned when it is over. */
export interface Admission {
  /** @param used tokens it took in the end; undefined where nobody knows, and then what was reserved is kept */
  release(used: number | undefined): void
}

/** Whoever holds a key: what it may do, and what it is doing. */
export class Caller {
  readonly name: string
  readonly config: KeyConfig
  readonly #requests: TokenBucket | undefined
  readonly #tokens: TokenBucket | undefined
  #cost = 0

  constructor(name: string, config: KeyConfig, now: () => number = () => performance.now()) {
    this.name = name
    this.config = config
    const { requests_per_minute, tokens_per_minute } = config
    this.#requests = requests_per_minute === undefined ? undefined : new TokenBucket(requests_per_minute, now)
    this.#tokens = tokens_per_minute === undefined ? undefined : new TokenBucket(tokens_per_minute, now)
  }

  /** One more request of its own. @throws LimitProblem */
  countRequest(): void {
    const waitMs = this.#requests?.take(1) ?? 0
    if (waitMs === 0) return
    throw new LimitProblem('requests', `Rate limit reached: ${this.#requests?.limit} requests per minute.`, waitMs)
  }

  /** @throws ApiProblem for what the key may not do; LimitProblem for what it may not do now */
  admit(demand: Demand): Admission {
    assertAllowed(this.config, demand)
    const { concurrent_cost: most = Number.POSITIVE_INFINITY } = this.config
    if (this.#cost + demand.cost > most)
      throw new LimitProblem(
        'concurrency',
        `This request holds up to ${demand.cost} sequences at one time; ${this.#cost} of the ${most} that your key may hold are taken.`,
        1000,
      )
    // A request that may take more than a minute's worth waits for a full bucket, and owes the rest.
    const reserved = Math.min(demand.tokens, this.#tokens?.limit ?? 0)
    const waitMs = this.#tokens?.take(reserved) ?? 0
    if (waitMs > 0)
      throw new LimitProblem(
        'tokens',
        `Rate limit reached: ${this.#tokens?.limit} tokens per minute, and this request may take ${demand.tokens}.`,
        waitMs,
      )
    this.#cost += demand.cost
    return { release: (used) => this.#release(demand.cost, reserved, used) }
  }

  /** `x-ratelimit-*`, for the limits it has. */
  headers(): Readonly<Record<string, string>> {
    return {
      ...(this.#requests === undefined ? {} : rateHeaders('requests', this.#requests.state)),
      ...(this.#tokens === undefined ? {} : rateHeaders('tokens', this.#tokens.state)),
    }
  }

  mayUse(model: string): boolean {
    return this.config.models === undefined || this.config.models.includes(model)
  }

  #release(cost: number, reserved: number, used: number | undefined): void {
    this.#cost -= cost
    if (used !== undefined) this.#tokens?.give(reserved - used)
  }
}

/** @throws ApiProblem naming what is not allowed, and what is */
function assertAllowed({ models, policies, max_n, max_guides, concurrent_cost }: KeyConfig, demand: Demand): void {
  const { model, choices, guides, cost } = demand
  if (models !== undefined && model !== undefined && !models.includes(model))
    refuse(`Your key may use these models: ${models.join(', ')}.`, 'model')
  const foreign = policies && demand.policies.find((policy) => !policies.includes(policy))
  if (foreign !== undefined)
    refuse(
      `Your key may not use ${foreign === 'inline' ? 'an alignment of your own' : `the policy '${foreign}'`}; it may use: ${policies?.join(', ')}.`,
      foreign === 'inline' ? 'alignment' : 'alignment.policy',
    )
  if (max_n !== undefined && choices > max_n)
    refuse(`Your key may ask for ${max_n} choices in one request, this one asks for ${choices}.`, 'n')
  if (max_guides !== undefined && guides > max_guides)
    refuse(`Your key may use ${max_guides} guides in one request, this one has ${guides}.`, 'alignment.guides')
  if (concurrent_cost !== undefined && cost > concurrent_cost)
    refuse(
      `This request holds up to ${cost} sequences at one time; your key may hold ${concurrent_cost}. Ask for fewer choices, candidates or particles.`,
      'alignment',
    )
}

function refuse(message: string, param: string): never {
  throw new ApiProblem('not-allowed', message, { param })
}
