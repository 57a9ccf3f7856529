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
 * ended midway, whatever it calls: V8 looks for the end of its time in loops and while it searches.
 * @throws TimeLimitError
 */
export function withinTimeLimit<Result>(run: () => Result): Result {
  let result: Result | undefined
  scope['run'] = () => {
    result = run()
  }
  try {
    script.runInContext(scope, { timeout: limitMs })
    return result as Result
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new TimeLimitError(`It took over ${limitMs} ms.`)
  } finally {
    scope['run'] = undefined
  }
}
