type Step = () => void | Promise<void>

/** What must be undone when a piece of work ends, however it ends. */
export interface Cleanup {
  add(step: Step): void
}

/** Runs `work`; everything it added is undone afterwards, last first, on errors too. */
export async function withCleanup<Result>(work: (cleanup: Cleanup) => Promise<Result>): Promise<Result> {
  const steps: Step[] = []
  const failures: unknown[] = []
  try {
    return await work({ add: (step) => steps.push(step) })
  } catch (error) {
    failures.push(error)
    throw error
  } finally {
    for (const step of steps.reverse()) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 1) for (const failure of failures) process.stderr.write(`${failure}\n`)
  }
}
