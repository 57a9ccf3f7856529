import { setMaxListeners } from 'node:events'

/**
 * The results of calls made together. When one fails the others are aborted, and all have stopped before its error is thrown.
 * @throws what the first that failed threw
 */
export async function allOrNone<T>(
  signal: AbortSignal,
  runs: readonly ((signal: AbortSignal) => Promise<T>)[],
): Promise<T[]> {
  const siblings = new AbortController()
  const stop = AbortSignal.any([signal, siblings.signal])
  // each call listens until it is over
  setMaxListeners(0, stop)
  let failure: { readonly error: unknown } | undefined
  const fail = (error: unknown) => {
    failure ??= { error }
    siblings.abort()
  }
  const results = await Promise.all(runs.map((run) => run(stop).then((value) => ({ value }), fail)))
  if (failure !== undefined) throw failure.error
  return results.map((result) => result!.value)
}
