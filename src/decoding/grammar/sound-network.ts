import { GrammarError } from './grammar-error.ts'
import type { Network, NetworkState } from './network.ts'

/**
 * The same language without dead ends: what can never be completed is taken out, so every beginning that is allowed has an end.
 * @throws GrammarError when nothing is left, or when a rule may begin with itself
 */
export function soundNetwork({ start, states }: Network): Network {
  const canEnd = fixpoint(states, (state, holds) => {
    const onwards = [...state.reads.map(({ to }) => to), ...state.empties]
    return state.ends || onwards.some(holds) || state.calls.some(({ rule, back }) => holds(rule) && holds(back))
  })
  if (!canEnd[start]) throw new GrammarError('no value is valid against it')
  const sound = states.map((state) => ({
    ...state,
    reads: state.reads.filter(({ to }) => canEnd[to]),
    empties: state.empties.filter((to) => canEnd[to]),
    calls: state.calls.filter(({ rule, back }) => canEnd[rule] && canEnd[back]),
  }))
  refuseLeftRecursion(sound)
  return { start, states: sound }
}

/** A rule that calls itself before it has read anything would be called without end. */
function refuseLeftRecursion(states: readonly NetworkState[]): void {
  const empty = fixpoint(states, (state, holds) => {
    return state.ends || state.empties.some(holds) || state.calls.some(({ rule, back }) => holds(rule) && holds(back))
  })
  const rules = new Set(states.flatMap(({ calls }) => calls.map(({ rule }) => rule)))
  const begunBy = new Map([...rules].map((rule) => [rule, [...firstCalls(states, empty, rule)]]))
  const left = new Set(rules)
  // what begins with no rule that is left cannot be part of a circle
  for (let found = true; found; ) {
    found = false
    for (const rule of left) if (begunBy.get(rule)!.every((called) => !left.has(called))) found = left.delete(rule)
  }
  if (left.size > 0) throw new GrammarError('a reference leads back to itself before any text')
}

/** The rules that may be called before the rule has read anything. */
function firstCalls(states: readonly NetworkState[], empty: Uint8Array, rule: number): ReadonlySet<number> {
  const found = new Set<number>()
  const reached = new Set([rule])
  for (const at of reached) {
    const { empties, calls } = states[at]!
    for (const to of empties) reached.add(to)
    for (const { rule: called, back } of calls) {
      found.add(called)
      if (empty[called]) reached.add(back)
    }
  }
  return found
}

/** The least set of states that satisfies its own definition. */
function fixpoint(
  states: readonly NetworkState[],
  satisfied: (state: NetworkState, holds: (other: number) => boolean) => boolean,
): Uint8Array {
  const found = new Uint8Array(states.length)
  const dependents: number[][] = states.map(() => [])
  for (const [index, { reads, empties, calls }] of states.entries()) {
    for (const { to } of reads) dependents[to]!.push(index)
    for (const to of empties) dependents[to]!.push(index)
    for (const { rule, back } of calls) {
      dependents[rule]!.push(index)
      dependents[back]!.push(index)
    }
  }
  const holds = (other: number) => found[other] === 1
  const open = Array.from(states.keys())
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (found[index] === 1 || !satisfied(states[index]!, holds)) continue
    found[index] = 1
    for (const other of dependents[index]!) open.push(other)
  }
  return found
}
