/** What a client saw of one stream, in milliseconds since it sent the request. */
export interface ClientStream {
  readonly at: number
  readonly firstMs: number
  readonly gapsMs: readonly number[]
}

/** Streams one request after another beside a load, with a pause between, and times them as a client can: k6 cannot. */
export class ClientProbe {
  readonly #url: string
  readonly #abort = new AbortController()
  readonly streams: ClientStream[] = []
  readonly failures: string[] = []

  constructor(url: string) {
    this.#url = `${url}/v1/chat/completions`
  }

  async run(pauseMs: number): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        this.streams.push(await timedStream(this.#url, signal))
      } catch (error) {
        if (!signal.aborted) this.failures.push(error instanceof Error ? error.message : String(error))
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }

  stop(): void {
    this.#abort.abort()
  }
}

const body = JSON.stringify({
  model: 'tiny',
  stream: true,
  max_tokens: 32,
  messages: [{ role: 'user', content: 'Write a review of the Abbey Hotel.' }],
})

async function timedStream(url: string, signal: AbortSignal): Promise<ClientStream> {
  const start = performance.now()
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal })
  if (!response.ok) throw new Error(String(response.status))
  const times: number[] = []
  for await (const bytes of response.body!) {
    if (/"content":"[^"]/.test(Buffer.from(bytes).toString())) times.push(performance.now() - start)
  }
  if (times.length === 0) throw new Error('no text')
  return { at: Date.now(), firstMs: times[0]!, gapsMs: times.slice(1).map((time, i) => time - times[i]!) }
}
