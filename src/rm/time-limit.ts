import { cpuUsage } from 'node:process'
import { createContext, Script } from 'node:vm'

/** Longer than any sane pattern or schema takes over an answer. */
export const limitMs = 250

/** Work that was given up because it took longer than it may. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError'
}

// one for all runs, because making one takes ten times as long as a search
const scope = createContext({ run: undefined })
const script = new Script('run()')

/**
 * Runs what backtracks or compares without end for some texts, which would stop the engine's one thread. A vm script can be
 * ended midway, whatever it calls: V8 looks for the end of its time in loops and while it searches. What counts is the
 * processor's time: on a crowded machine the clock alone would fail what is quick, and one seed would give two answers.
 * @throws TimeLimitError
 */
export function withinTimeLimit<Result>(run: () => Result): Result {
  const start = processorMs()
  while (true) {
    const ended = runFor(run, limitMs)
    if (ended !== undefined) return ended.result
    if (processorMs() - start >= limitMs) throw new TimeLimitError(`It took over ${limitMs} ms.`)
  }
}

/** Undefined when the clock ran out first. */
function runFor<Result>(run: () => Result, timeout: number): { readonly result: Result } | undefined {
  let ended: { readonly result: Result } | undefined
  scope['run'] = () => {
    ended = { result: run() }
  }
  try {
    script.runInContext(scope, { timeout })
    return ended
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    return undefined
  } finally {
    scope['run'] = undefined
  }
}

function processorMs(): number {
  const { user, system } = cpuUsage()
  return (user + system) / 1000
}
