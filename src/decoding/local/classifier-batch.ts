import { inTurn } from './turns.ts'

/**
 * Runs texts one after another, in turn with everybody else's. Never several at once: what a text's numbers are must not depend
 * on its neighbours, down to the bit.
 * @throws the signal's reason when it is aborted between two texts
 */
export async function oneByOne<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) results.push(await inTurn(signal, () => run(item)))
  return results
}
