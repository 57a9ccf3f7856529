import { mergeStreams } from './merge-streams.ts'
import { choiceSeed } from './random-streams.ts'
import type { Strategy, StrategyEvent } from './strategy.ts'

/**
 * Strategy: n independent runs of a strategy, as the choices 0 to n - 1; run 0 is what the strategy alone gives.
 * @param seedOf another one where the strategy is itself repeated
 */
export function repeated(strategy: Strategy, n: number, seedOf = choiceSeed): Strategy {
  if (n === 1) return strategy
  return async function* run(request, decoder, signal) {
    const siblings = new AbortController()
    const stop = AbortSignal.any([signal, siblings.signal])
    const runs = Array.from({ length: n }, (_, index) => {
      const seed = seedOf(request.sampling.seed, index)
      const own = { ...request, sampling: { ...request.sampling, seed } }
      return asChoice(strategy(own, decoder, stop), index)
    })
    yield* mergeStreams(runs, () => siblings.abort())
  }
}

async function* asChoice(events: AsyncGenerator<StrategyEvent>, index: number): AsyncGenerator<StrategyEvent> {
  for await (const event of events) yield event.type === 'progress' ? event : { ...event, index }
}
