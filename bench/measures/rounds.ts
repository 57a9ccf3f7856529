/** One side of a comparison. */
export interface Contestant {
  readonly name: string
  /** One measurement; the number is better the way its unit says. Round -1 warms up and does not count. */
  measure(round: number): Promise<number>
}

/**
 * Lets every contestant run once in each round, forwards and backwards in turn, so that a machine that slows down or other
 * work on it meets all alike. Returns one number a round for each.
 */
export async function alternate(
  contestants: readonly Contestant[],
  rounds: number,
  say: (line: string) => void,
): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  for (const contestant of contestants) {
    say(`  warming up ${contestant.name}`)
    await contestant.measure(-1)
  }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contestants : contestants.toReversed()
    for (const contestant of order) {
      const value = await contestant.measure(round)
      found.get(contestant.name)!.push(value)
      say(`  round ${round + 1} of ${rounds}: ${contestant.name} ${value.toPrecision(4)}`)
    }
  }
  return found
}
