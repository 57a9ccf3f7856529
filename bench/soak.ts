import { residentMegabytes, serve } from './served.ts'

interface SoakOptions {
  readonly requests: number
  readonly parallel: number
  readonly config?: string
}

interface Tally {
  done: number
  aborted: number
  readonly unexpected: string[]
}

/** Mixed requests in parallel, a fifth aborted midway; prints memory as it goes and whether every K/V block came back. */
export async function benchSoak(options: SoakOptions): Promise<void> {
  const server = await serve(options.config === undefined ? [] : ['--config', options.config])
  const tally: Tally = { done: 0, aborted: 0, unexpected: [] }
  const { model, guides } = await served(server.url)
  try {
    let next = 0
    const worker = async () => {
      for (let index = next++; index < options.requests; index = next++) {
        await oneRequest(server.url, index, { model, guides }, tally)
        if ((index + 1) % Math.ceil(options.requests / 20) === 0) memoryLine(index + 1, server.pids)
      }
    }
    await Promise.all(Array.from({ length: options.parallel }, worker))
    await new Promise((resolve) => setTimeout(resolve, 500))
    const ready = await (await fetch(`${server.url}/readyz`)).json()
    process.stdout.write(`\nfinished ${tally.done}, aborted ${tally.aborted}, unexpected ${tally.unexpected.length}\n`)
    for (const problem of tally.unexpected.slice(0, 10)) process.stdout.write(`  ${problem}\n`)
    process.stdout.write(`engine afterwards: ${JSON.stringify(ready)}\n`)
  } finally {
    await server.stop()
  }
}

function memoryLine(requests: number, [http, engine]: readonly [number, number]): void {
  const [a, b] = [residentMegabytes(http), residentMegabytes(engine)]
  process.stdout.write(
    `${String(requests).padStart(6)} requests   http ${a.toFixed(0)} MB   engine ${b.toFixed(0)} MB\n`,
  )
}

async function served(url: string): Promise<{ model: string; guides: string[] }> {
  const list = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] }
  const model = list.data[0]!.id
  const probe = await post(url, {
    model,
    messages: [{ role: 'user', content: 'x' }],
    alignment: { guides: [{ guide: '?' }] },
  })
  const { error } = (await probe.json()) as { error: { message: string } }
  const names = /guides?:? ([^.]*)\.?$/i.exec(error.message)?.[1] ?? ''
  return { model, guides: names.split(', ').filter((name) => /^[\w-]+$/.test(name)) }
}

const post = (url: string, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })

// Everything varies with the index alone, so that two runs send the same requests.
function requestOf(index: number, { model, guides }: { model: string; guides: string[] }): object {
  const weights = [0.5, 1, -0.5]
  const guide = guides[index % Math.max(1, guides.length)]
  return {
    model,
    seed: index,
    stream: index % 2 === 0,
    max_tokens: 8 + (index % 40),
    n: index % 11 === 0 ? 3 : 1,
    temperature: index % 7 === 0 ? 0 : 1,
    ...(index % 5 === 1 ? { top_p: 0.9, stop: ['the'] } : {}),
    ...(index % 13 === 0 ? { frequency_penalty: 0.5 } : {}),
    ...(index % 6 === 2 ? { logprobs: true, top_logprobs: 3 } : {}),
    messages: [{ role: 'user', content: `Write a review. ${'It was a long day. '.repeat(index % 17)}` }],
    ...(index % 3 !== 0 && guide !== undefined
      ? { alignment: { guides: [{ guide, weight: weights[index % 3]! }], trace: index % 4 === 0 } }
      : {}),
  }
}

async function oneRequest(url: string, index: number, what: { model: string; guides: string[] }, tally: Tally) {
  const controller = new AbortController()
  const aborts = index % 5 === 4
  if (aborts) setTimeout(() => controller.abort(), 5 + (index % 60))
  try {
    const response = await post(url, requestOf(index, what), controller.signal)
    const text = await response.text()
    if (!response.ok || text.includes('"error"'))
      tally.unexpected.push(`${index}: ${response.status} ${text.slice(0, 200)}`)
    else tally.done++
  } catch (error) {
    if (aborts && controller.signal.aborted) tally.aborted++
    else tally.unexpected.push(`${index}: ${error}`)
  }
}
