import { describe, quantile } from '../measures/spread.ts'
import { serve } from '../served.ts'

interface StreamingOptions {
  readonly model?: string
  readonly streams: number
  readonly seconds: number
}

/** Streams from a real server for a while; prints gaps between chunks and the HTTP process's own event-loop delay. */
export async function benchStreaming(options: StreamingOptions): Promise<void> {
  const server = await serve(options.model === undefined ? [] : ['--model', options.model])
  try {
    const model = await firstModel(server.url)
    const until = performance.now() + options.seconds * 1000
    await fetch(`${server.url}/healthz`)
    const gaps: number[] = []
    const first: number[] = []
    await Promise.all(
      Array.from({ length: options.streams }, (_, i) => keepStreaming(server.url, model, i, until, first, gaps)),
    )
    const health = (await (await fetch(`${server.url}/healthz`)).json()) as { event_loop_delay_ms: unknown }
    process.stdout.write(`${options.streams} streams of ${model} for ${options.seconds} s: ${gaps.length} chunks\n`)
    process.stdout.write(`time to first chunk, ms: ${JSON.stringify(describe(first))}\n`)
    const sorted = gaps.toSorted((a, b) => a - b)
    process.stdout.write(
      `between chunks, ms: p50 ${quantile(sorted, 0.5).toFixed(1)}, p99 ${quantile(sorted, 0.99).toFixed(1)}\n`,
    )
    process.stdout.write(`event loop of the HTTP process, ms: ${JSON.stringify(health.event_loop_delay_ms)}\n`)
  } finally {
    await server.stop()
  }
}

async function firstModel(url: string): Promise<string> {
  const list = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] }
  return list.data[0]!.id
}

async function keepStreaming(url: string, model: string, seed: number, until: number, first: number[], gaps: number[]) {
  for (let turn = 0; performance.now() < until; turn++) {
    let last = performance.now()
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model,
        stream: true,
        seed: seed * 1000 + turn,
        max_tokens: 128,
        ignore_eos: true,
        messages: [{ role: 'user', content: `Tell me story number ${seed}.` }],
      }),
    })
    let isFirst = true
    for await (const _ of response.body!) {
      const now = performance.now()
      if (isFirst) first.push(now - last)
      else gaps.push(now - last)
      isFirst = false
      last = now
    }
  }
}
