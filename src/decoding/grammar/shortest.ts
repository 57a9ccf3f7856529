import { GrammarError } from './grammar-error.ts'
import type { Network, NetworkState } from './network.ts'

/** Looks at a state for each one there is; a network that people mean takes a few. */
const mostLooks = 60

/**
 * Bytes of the shortest text from each state to the end of its rule. What has become shorter waits in line: last come, first served
 * would look at some networks exponentially often.
 * @throws GrammarError where it takes too long
 */
export function shortestToEnd({ states }: Network): Float64Array {
  const found = new Float64Array(states.length).fill(Number.POSITIVE_INFINITY)
  const dependents: number[][] = states.map(() => [])
  for (const [index, state] of states.entries()) for (const other of successors(state)) dependents[other]!.push(index)
  // parts are written from their beginning to their end, so the last state is looked at first
  const line = Array.from(states.keys()).reverse()
  const waits = new Uint8Array(states.length).fill(1)
  for (let at = 0; at < line.length; at++) {
    if (at > mostLooks * states.length) throw new GrammarError('finding its shortest text takes too long')
    const index = line[at]!
    waits[index] = 0
    const length = shortestFrom(states[index]!, found)
    if (length >= found[index]!) continue
    found[index] = length
    for (const other of dependents[index]!) {
      if (waits[other] === 0) line.push(other)
      waits[other] = 1
    }
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
