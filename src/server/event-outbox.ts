import type { GenerationEvent } from './engine-messages.ts'

type Entry = readonly [id: number, event: GenerationEvent]

/**
 * Collects what one engine step brings and sends it as one message.
 * The step wakes all its sequences in one turn of the event loop; a next-tick runs when the last of their microtasks
 * is done and before the next step, so nothing waits for it.
 */
export function eventOutbox(send: (events: readonly Entry[]) => void): (id: number, event: GenerationEvent) => void {
  let entries: Entry[] = []
  const flush = () => {
    const batch = entries
    entries = []
    send(batch)
  }
  return (id, event) => {
    if (entries.length === 0) process.nextTick(flush)
    entries.push([id, event])
  }
}
