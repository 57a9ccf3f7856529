import type { LocalSequence } from './local-sequence.ts'

/**
 * The sequences of the next step: all of them while they fit into `maxRows` rows, otherwise one of each family (a request's
 * sequence and its forks) in turn, the one with the fewest tokens first. So a request with many choices slows its own choices
 * down, never another request's single answer.
 */
export function fairShare(drawing: readonly LocalSequence[], maxRows: number): readonly LocalSequence[] {
  if (rowsOf(drawing) <= maxRows) return drawing
  const chosen: LocalSequence[] = []
  let rows = 0
  for (const sequence of inTurns(drawing)) {
    rows += sequence.request.terms.length
    if (rows > maxRows && chosen.length > 0) break
    chosen.push(sequence)
  }
  return chosen
}

const rowsOf = (sequences: readonly LocalSequence[]): number =>
  sequences.reduce((sum, { request }) => sum + request.terms.length, 0)

function* inTurns(drawing: readonly LocalSequence[]): Generator<LocalSequence> {
  const families = familiesOf(drawing).map((members) =>
    members.toSorted((a, b) => a.generatedTokens - b.generatedTokens),
  )
  // who waited longest leads, or the same families would be cut off in every step
  families.sort((a, b) => a[0]!.lastStep - b[0]!.lastStep)
  for (let turn = 0; families.some((members) => members.length > turn); turn++)
    for (const members of families) if (members[turn] !== undefined) yield members[turn]!
}

/** Sequences by the request they belong to. */
function familiesOf(sequences: Iterable<LocalSequence>): LocalSequence[][] {
  const families = new Map<LocalSequence, LocalSequence[]>()
  for (const sequence of sequences) {
    const family = families.get(sequence.root)
    if (family === undefined) families.set(sequence.root, [sequence])
    else family.push(sequence)
  }
  return [...families.values()]
}
