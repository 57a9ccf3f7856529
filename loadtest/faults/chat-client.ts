/** How a request ended: with an answer, with an error that says so, or in a way that it must not. */
export type Outcome = 'answer' | 'error frame' | 'error status' | 'refused connection' | 'cut' | 'hung'

/** Sends one chat request and reads it to its end, for at most `patienceMs`. */
export async function chat(url: string, fields: object, patienceMs: number): Promise<Outcome> {
  const signal = AbortSignal.timeout(patienceMs)
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Write a review.' }], ...fields }),
      signal,
    })
    const text = await response.text()
    const outcome = outcomeOf(response.status, text)
    if (outcome === 'cut') process.stderr.write(`cut: ${response.status} ${text.slice(-300)}\n`)
    return outcome
  } catch (error) {
    if (signal.aborted) return 'hung'
    if (isRefused(error)) return 'refused connection'
    process.stderr.write(`cut: ${error instanceof Error ? (error.cause ?? error.message) : error}\n`)
    return 'cut'
  }
}

export function outcomeOf(status: number, text: string): Outcome {
  if (status !== 200) return isErrorObject(text) ? 'error status' : 'cut'
  if (!text.startsWith('data:') && !text.startsWith(':')) return isErrorObject(text) ? 'cut' : 'answer'
  if (/^data: \[DONE\]$/m.test(text)) return 'answer'
  const frames = text.split('\n\n').filter((frame) => frame.startsWith('data: '))
  return isErrorObject(frames.at(-1)?.slice(6) ?? '') ? 'error frame' : 'cut'
}

function isErrorObject(text: string): boolean {
  try {
    const { error } = JSON.parse(text)
    return typeof error.message === 'string'
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return false
    throw error
  }
}

function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
  return cause?.code === 'ECONNREFUSED'
}

/** Counts of outcomes, as text. */
export function tally(outcomes: readonly Outcome[]): string {
  const counts = new Map<Outcome, number>()
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
}
