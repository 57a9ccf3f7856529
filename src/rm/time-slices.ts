import { inTurn } from '../decoding/local/turns.ts'

/** How long the engine's thread is held before others get a turn: a step of a small model. */
const sliceMs = 10

/**
 * Runs short work over many items, in order. What takes no more than a slice of time is done at once; the rest waits its turn slice
 * by slice, for nobody decodes meanwhile.
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
  slice()
  while (results.length < items.length) await inTurn(signal, slice)
  return results
}
