import type { Network, NetworkState } from './network.ts'

/** Bytes of the shortest text from each state to the end of its rule. */
export function shortestToEnd({ states }: Network): Float64Array {
  const found = new Float64Array(states.length).fill(Number.POSITIVE_INFINITY)
  const dependents: number[][] = states.map(() => [])
  for (const [index, state] of states.entries()) for (const other of successors(state)) dependents[other]!.push(index)
  const open = Array.from(states.keys())
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    const length = shortestFrom(states[index]!, found)
    if (length >= found[index]!) continue
    found[index] = length
    open.push(...dependents[index]!)
  }
  return found
}

const successors = ({ reads, empties, calls }: NetworkState): readonly number[] => [
  ...reads.map(({ to }) => to),
  ...empties,
  ...calls.flatMap(({ rule, back }) => [rule, back]),
]

function shortestFrom({ reads, empties, calls, ends }: NetworkState, found: Float64Array): number {
  let length = ends ? 0 : Number.POSITIVE_INFINITY
  for (const { to } of reads) length = Math.min(length, 1 + found[to]!)
  for (const to of empties) length = Math.min(length, found[to]!)
  for (const { rule, back } of calls) length = Math.min(length, found[rule]! + found[back]!)
  return length
}
