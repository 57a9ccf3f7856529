import { InvalidRequestError } from './errors.ts'

/**
 * An Aho-Corasick automaton over UTF-16 code units: linear in the text, however many stop strings there are.
 * State 0 is the empty string; a state stands for the longest end of the text that begins some stop string.
 */
export interface StopStrings {
  /** Code units of the state's string: this much of the text could still become a stop string. */
  readonly depth: readonly number[]
  /** Length of the longest stop string that ends here, 0 if none does. */
  readonly matched: readonly number[]
  readonly next: readonly ReadonlyMap<number, number>[]
  readonly fallback: readonly number[]
}

/** Compiles a request's stop strings; the result is immutable and shared by its forks. */
export function compileStopStrings(stop: readonly string[]): StopStrings {
  const depth = [0]
  const matched = [0]
  const next: Map<number, number>[] = [new Map()]
  for (const text of stop) {
    if (text === '') throw new InvalidRequestError('A stop string must not be empty.', 'stop')
    let state = 0
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      const child = next[state]!.get(unit) ?? depth.push(i + 1) - 1
      if (child === next.length) {
        next.push(new Map())
        matched.push(0)
        next[state]!.set(unit, child)
      }
      state = child
    }
    matched[state] = text.length
  }
  return { depth, matched, next, fallback: linkFallbacks(next, matched) }
}

/** The state after one more code unit. */
export function follow(stops: StopStrings, state: number, unit: number): number {
  let from = state
  for (;;) {
    const child = stops.next[from]!.get(unit)
    if (child !== undefined) return child
    if (from === 0) return 0
    from = stops.fallback[from]!
  }
}

/** Breadth first, so that a state's fallback, being shorter, is always known before the state itself needs it. */
function linkFallbacks(next: readonly ReadonlyMap<number, number>[], matched: number[]): number[] {
  const fallback = next.map(() => 0)
  const queue = [...next[0]!.values()]
  for (const state of queue) {
    for (const [unit, child] of next[state]!) {
      fallback[child] = longestContinuation(next, fallback, fallback[state]!, unit)
      if (matched[child] === 0) matched[child] = matched[fallback[child]!]!
      queue.push(child)
    }
  }
  return fallback
}

function longestContinuation(
  next: readonly ReadonlyMap<number, number>[],
  fallback: readonly number[],
  start: number,
  unit: number,
): number {
  for (let state = start; ; state = fallback[state]!) {
    const child = next[state]!.get(unit)
    if (child !== undefined) return child
    if (state === 0) return 0
  }
}
