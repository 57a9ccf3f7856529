import type { Writable } from 'node:stream'

/** Resolves when whoever reads `outgoing` has read on; rejects with the signal's reason when nobody does any more. */
export function drained(outgoing: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      signal.removeEventListener('abort', left)
      resolve()
    }
    const left = () => {
      outgoing.off('drain', done)
      reject(signal.reason)
    }
    outgoing.once('drain', done)
    signal.addEventListener('abort', left, { once: true })
    if (signal.aborted) left()
  })
}
