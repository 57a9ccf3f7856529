import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long the engine's thread is held before others get a turn: a step of a small model. */
const sliceMs = 10

/**
 * Runs short work over many items, in order. The thread is let go of whenever a slice of time is over, for nobody decodes
 * meanwhile; what takes less holds it from start to end.
 * @throws the signal's reason when it is aborted between two slices
 */
export async function inTimeSlices<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  run: (item: Item) => Result,
): Promise<Result[]> {
  signal.throwIfAborted()
  const results: Result[] = []
  let start = performance.now()
  for (const item of items) {
    if (performance.now() - start > sliceMs) {
      await nextTurn()
      signal.throwIfAborted()
      start = performance.now()
    }
    results.push(run(item))
  }
  return results
}
