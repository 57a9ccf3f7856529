/**
 * Runs texts one after another, and lets go of the thread between them, for a run blocks it. Never several at once: what a
 * text's numbers are must not depend on its neighbours, down to the bit.
 * @throws the signal's reason when it is aborted between two texts
 */
export async function oneByOne<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) {
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    results.push(await run(item))
  }
  return results
}
