/**
 * How fast a guided vLLM is beside an unguided one, through a trimtab that serves trimtab.yaml:
 *   TRIMTAB_BENCH_GATEWAY=http://127.0.0.1:8080 node --import tsx bench/vllm/guided-speed.ts
 * WAYS, STREAMS, TOKENS, ROUNDS and WEIGHT change what is measured. The ways take turns in every round; what counts is the median over rounds of their ratio to the unguided one of the same round.
 */
import { describe } from '../measures/spread.ts'

const gateway = process.env['TRIMTAB_BENCH_GATEWAY']
const rounds = Number(process.env['ROUNDS'] ?? 3)
const tokens = Number(process.env['TOKENS'] ?? 32)
const weight = Number(process.env['WEIGHT'] ?? 0.2)
const widths = (process.env['STREAMS'] ?? '1,8').split(',').map(Number)

const only = process.env['WAYS']?.split(',')

const outside = [{ guide: 'outside', weight }]
const allWays: Readonly<Record<string, object | undefined>> = {
  unguided: undefined,
  'in the engine': { guides: [{ guide: 'inside', weight }] },
  'by blocks': { guides: outside },
  // a call to the base and one to the guide for each token
  'two calls a token': { guides: outside, speculation: { block: 1 } },
}

const ways = Object.fromEntries(Object.entries(allWays).filter(([way]) => only?.includes(way) ?? true))

interface Answered {
  readonly usage: { readonly completion_tokens: number }
  readonly alignment?: { readonly speculation?: { readonly acceptance: number } }
}

async function answer(alignment: object | undefined, seed: number): Promise<Answered> {
  const reply = await fetch(`${gateway}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'base',
      messages: [{ role: 'user', content: `Tell me about number ${seed}.` }],
      max_tokens: tokens,
      temperature: 1,
      seed,
      ignore_eos: true,
      ...(alignment === undefined ? {} : { alignment }),
    }),
  })
  if (!reply.ok) throw new Error(await reply.text())
  return (await reply.json()) as Answered
}

/** Tokens per second of `streams` answers at a time, and the drafts accepted. */
async function speed(alignment: object | undefined, streams: number, seed: number) {
  const began = performance.now()
  const answers = await Promise.all(Array.from({ length: streams }, (_, i) => answer(alignment, seed + i)))
  const seconds = (performance.now() - began) / 1000
  const drawn = answers.reduce((sum, { usage }) => sum + usage.completion_tokens, 0)
  const acceptances = answers.flatMap((one) => one.alignment?.speculation?.acceptance ?? [])
  return { rate: drawn / seconds, acceptance: acceptances.reduce((sum, a) => sum + a, 0) / acceptances.length }
}

const median = (values: readonly number[]): number => describe(values).median

async function measure(streams: number): Promise<void> {
  const rates = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  const acceptances = new Map(Object.keys(ways).map((way) => [way, [] as number[]]))
  for (let round = 0; round <= rounds; round++)
    for (const [way, alignment] of Object.entries(ways)) {
      const { rate, acceptance } = await speed(alignment, streams, 1000 * round)
      // the first round warms up
      if (round === 0) continue
      rates.get(way)!.push(rate)
      acceptances.get(way)!.push(acceptance)
    }
  const over = (way: string, other: string) => median(rates.get(way)!.map((rate, i) => rate / rates.get(other)![i]!))
  for (const way of rates.keys()) {
    const accepted = median(acceptances.get(way)!)
    const line = [
      `${streams} streams, ${way}`,
      `${median(rates.get(way)!).toFixed(2)} tokens/s`,
      `${over(way, 'unguided').toFixed(2)} of unguided`,
      ...(rates.has('two calls a token') ? [`${over(way, 'two calls a token').toFixed(2)} of two calls a token`] : []),
      ...(Number.isNaN(accepted) ? [] : [`(acceptance ${accepted.toFixed(2)})`]),
    ]
    process.stdout.write(`${line.join(', ')}\n`)
  }
}

if (gateway === undefined) {
  process.stderr.write('TRIMTAB_BENCH_GATEWAY names no gateway: see the head of this file\n')
  process.exitCode = 1
} else for (const streams of widths) await measure(streams)
