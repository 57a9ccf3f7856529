/** The value, or undefined when it fails (the engine died meanwhile) or takes longer than a probe should wait. */
export async function within<T>(value: Promise<T>, patienceMs: number): Promise<T | undefined> {
  const signal = AbortSignal.timeout(patienceMs)
  const patience = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)))
  return await Promise.race([value.catch(() => undefined), patience])
}
