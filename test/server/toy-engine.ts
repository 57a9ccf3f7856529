import { StepCounters } from '../../src/decoding/local/step-counters.ts'
import type { Engine, EngineState } from '../../src/server/engine.ts'
import type {
  EngineReport,
  GenerationEvent,
  GenerationRequest,
  RewardRequest,
  TokenReport,
} from '../../src/server/engine-messages.ts'

export const idleStats: EngineReport = {
  ...new StepCounters().read(),
  running: 0,
  waiting: 0,
  steps: 12,
  prefilledTokens: 30,
  cachedTokens: 4,
  decodedRows: 20,
  blocks: { total: 100, live: 0, cached: 7, reserved: 0 },
  rewards: {},
  upstreams: {},
  residentBytes: 1_000_000,
}

/** An engine that says the same words to everyone and remembers what it was asked. */
export class ToyEngine implements Engine {
  readonly requests: GenerationRequest[] = []
  abandoned = 0
  words: readonly string[] = ['Hello', ' there', '.']
  stepMs = 0
  /** Nothing is said before this. */
  gate: Promise<void> | undefined
  /** Thrown before event number `failAt`. */
  failure: unknown
  failAt = 0
  state: EngineState = {
    status: 'ready',
    models: [{ name: 'tiny', weights: 'int8', contextLength: 512, hasChatTemplate: true, checkpoint: 'toy' }],
    restarts: 0,
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    this.requests.push(request)
    let ended = false
    let position = 0
    try {
      await this.gate
      for (const batch of this.#batches(request)) {
        if (this.failure !== undefined && position++ >= this.failAt) throw this.failure
        if (this.stepMs > 0) await new Promise((resolve) => setTimeout(resolve, this.stepMs))
        signal.throwIfAborted()
        yield batch
      }
      ended = true
    } finally {
      if (!ended) this.abandoned += 1
    }
  }

  /** Scores every response by its length. */
  async *judge({ responses }: RewardRequest): AsyncGenerator<readonly GenerationEvent[]> {
    if (this.failure !== undefined) throw this.failure
    const traits = { partial: true, range: undefined, relative: false }
    const verdicts = responses.map(({ length }) => ({ score: length, attributes: undefined, steps: undefined }))
    yield [{ type: 'reward-verdicts', reward: 'length', traits, verdicts }]
  }

  async stats(): Promise<EngineReport> {
    return idleStats
  }

  *#batches(request: GenerationRequest): Generator<readonly GenerationEvent[]> {
    const count = request.prompts.length * request.n
    const indexes = Array.from({ length: count }, (_, index) => index)
    for (const word of this.words) {
      const tokens =
        request.sampling.topLogprobs === undefined ? undefined : [report(word, request.sampling.topLogprobs)]
      yield indexes.map((index) => ({ type: 'choice-delta' as const, index, text: word, tokens }))
    }
    yield [
      ...indexes.map((index) => ({ type: 'choice-end' as const, index, finishReason: 'stop' as const })),
      {
        type: 'generation-end',
        usage: { promptTokens: 5, completionTokens: this.words.length * count, cachedTokens: 2 },
        alignment:
          request.alignment === undefined
            ? undefined
            : {
                method: 'genarm',
                tokens: { returned: 3, generated: 3, guide: 3, rewardCalls: 0 },
                trace: request.sampling.trace
                  ? { baseWeight: 1, weights: { positive: 2 }, choices: [[tracedToken]] }
                  : undefined,
              },
      },
    ]
  }
}

const tracedToken = {
  id: 7,
  text: 'Hello',
  logprob: -0.5,
  baseLogprob: -1,
  guides: { positive: -0.25 },
  top: undefined,
}

function report(token: string, top: number): TokenReport {
  const bytes = [...Buffer.from(token)]
  return { token, bytes, logprob: -0.5, top: Array.from({ length: top }, () => ({ token, bytes, logprob: -0.5 })) }
}
