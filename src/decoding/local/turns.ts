import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'

// one queue for the process: what takes turns holds its one thread
const waiting = new Set<() => void>()
let taken = false

/**
 * Work that holds the engine's thread outside its steps, such as a classifier's run, one piece at a time: however many requests
 * want to be judged, those that decode wait for one piece between two parts of a step, and pieces are served as they came.
 * @throws what `work` throws; the signal's reason, at once when it is aborted while waiting
 */
export async function inTurn<Result>(signal: AbortSignal, work: () => Result | Promise<Result>): Promise<Result> {
  await take(signal)
  try {
    await nextTurn()
    signal.throwIfAborted()
    return await work()
  } finally {
    give()
  }
}

async function take(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (!taken) {
    taken = true
    return
  }
  // all answers of a request wait under one signal
  setMaxListeners(0, signal)
  await new Promise<void>((resolve, reject) => {
    const enter = () => {
      signal.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      waiting.delete(enter)
      reject(signal.reason)
    }
    waiting.add(enter)
    signal.addEventListener('abort', leave, { once: true })
  })
}

function give(): void {
  const [next] = waiting
  if (next === undefined) {
    taken = false
    return
  }
  waiting.delete(next)
  next()
}
