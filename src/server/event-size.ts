import type { GenerationEvent } from './engine-messages.ts'

// Measured on Node 20 and rounded up: an event's objects, and those of one log-probability with its bytes.
const eventBytes = 200
const logprobBytes = 250

/**
 * About how much memory an event takes while it waits to be sent.
 * Only text adds up without end: the other events come once per choice, and the size of a trace is bounded when it is planned.
 */
export function eventSize(event: GenerationEvent): number {
  if (event.type !== 'choice-delta') return 0
  const logprobs = (event.tokens ?? []).reduce((sum, { top }) => sum + 1 + top.length, 0)
  return eventBytes + 2 * event.text.length + logprobs * logprobBytes
}
