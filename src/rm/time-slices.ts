import { inTurn } from '../decoding/local/turns.ts'

/** How long the engine's thread is held before others get a turn: a step of a small model. */
const sliceMs = 10

/**
 * Runs short work over many items, in order. It waits its turn for each slice of time, for nobody decodes meanwhile: one item
 * can take long too, and many requests can come with one each.
 * @throws the signal's reason when it is aborted between two slices
 */
export async function inTimeSlices<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  run: (item: Item) => Result,
): Promise<Result[]> {
  signal.throwIfAborted()
  const results: Result[] = []
  const slice = () => {
    const start = performance.now()
    while (results.length < items.length && performance.now() - start <= sliceMs)
      results.push(run(items[results.length]!))
  }
  while (results.length < items.length) await inTurn(signal, slice)
  return results
}
