import { setTimeout as sleep } from 'node:timers/promises'
import { uniform } from '../../src/decoding/rng.ts'
import type {
  BlockRequest,
  Draft,
  DraftRequest,
  EngineAbilities,
  EngineCall,
  ReportedLaw,
  TokenEngine,
} from '../../src/decoding/upstream/token-engine.ts'
import { baseLaw, guideLaw } from './two-laws.ts'

/** What an engine's calls cost, in milliseconds. */
export interface EngineTimes {
  /** From sending a call to its answer, beside what the engine computes. */
  readonly roundTrip: number
  /** One token of a draft. */
  readonly decode: number
  /** A guide's pass over a block, however long it is within reason. */
  readonly read: number
}

/** An engine that computes nothing and takes the time it is told: its base and its guide are two fixed laws. */
export class TimedEngine implements TokenEngine {
  readonly name = 'timed'
  readonly abilities: EngineAbilities = {
    mostTop: Number.POSITIVE_INFINITY,
    logprobs: 'raw',
    tokenIds: true,
    chosenLogprobs: true,
    several: true,
    batches: true,
    models: ['base', 'guide'],
    contextLength: undefined,
    guides: [],
    distinctLogits: true,
  }
  readonly #times: EngineTimes
  readonly #guide: readonly number[]

  constructor(times: EngineTimes, acceptance: number) {
    this.#times = times
    this.#guide = guideLaw(acceptance)
  }

  async draft({ maxTokens, count, seed }: DraftRequest, { signal }: EngineCall): Promise<readonly Draft[]> {
    await sleep(this.#times.roundTrip + maxTokens * this.#times.decode, undefined, { signal })
    return Array.from({ length: count }, (_, draft) => ({
      ended: false,
      tokens: Array.from({ length: maxTokens }, (_, at) => {
        const id = uniform(seed + BigInt(draft), at) < Math.exp(baseLaw[0]!) ? 0 : 1
        return { id, logprob: baseLaw[id]!, top: { ids: [0, 1], logprobs: baseLaw.slice(0, 2) } }
      }),
    }))
  }

  async readBlock({ block }: BlockRequest, { signal }: EngineCall): Promise<readonly ReportedLaw[]> {
    await sleep(this.#times.roundTrip + this.#times.read, undefined, { signal })
    return block.map(() => ({ tokens: { ids: [0, 1], logprobs: this.#guide.slice(0, 2) }, ranked: true }))
  }

  // biome-ignore lint/correctness/useYield: nothing here is decoded without a guide
  async *stream(): AsyncGenerator<never> {
    throw new Error('not part of this measurement')
  }
}
