/**
 * How fast a guided vLLM is beside an unguided one, through a trimtab that serves trimtab.yaml:
 *   TRIMTAB_BENCH_GATEWAY=http://127.0.0.1:8080 node --import tsx bench/vllm/guided-speed.ts
 * WAYS, STREAMS, TOKENS, ROUNDS and WEIGHT change what is measured. With VLLM (the base's) and VLLM_GUIDE (a second vLLM that serves the
 * guide as `tenth`) a client that makes two HTTP calls for each token, without trimtab, takes part too. The ways take turns in every
 * round; what counts is the median over rounds of their ratio to the unguided one of the same round.
 */
import { describe } from '../measures/spread.ts'
import { answerByTwoCalls } from './two-calls.ts'

const gateway = process.env['TRIMTAB_BENCH_GATEWAY']
const rounds = Number(process.env['ROUNDS'] ?? 3)
const tokens = Number(process.env['TOKENS'] ?? 32)
const weight = Number(process.env['WEIGHT'] ?? 0.2)
const widths = (process.env['STREAMS'] ?? '1,8').split(',').map(Number)

const only = process.env['WAYS']?.split(',')

const outside = [{ guide: 'outside', weight }]
const [baseUrl, guideUrl] = [process.env['VLLM'], process.env['VLLM_GUIDE']]
const twoCalls = 'two HTTP calls a token'

const alignments: Readonly<Record<string, object | undefined>> = {
  unguided: undefined,
  'in the engine': { guides: [{ guide: 'inside', weight }] },
  'by blocks': { guides: outside },
  // a call to the base and a reading by the guide in trimtab's own engine
  'blocks of one token': { guides: outside, speculation: { block: 1 } },
}

type Answer = (seed: number) => Promise<Answered>

const promptOf = (seed: number): string => `Tell me about number ${seed}.`

const allWays: Record<string, Answer> = Object.fromEntries(
  Object.entries(alignments).map(([way, alignment]) => [way, (seed: number) => answer(alignment, seed)]),
)
if (baseUrl !== undefined && guideUrl !== undefined)
  allWays[twoCalls] = async (seed) => {
    const engines = { base: { url: baseUrl, model: 'smollm2' }, guide: { url: guideUrl, model: 'tenth' }, weight }
    return { usage: { completion_tokens: await answerByTwoCalls(engines, promptOf(seed), tokens) } }
  }

const ways = Object.entries(allWays).filter(([way]) => only?.includes(way) ?? true)

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
      messages: [{ role: 'user', content: promptOf(seed) }],
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
async function speed(way: Answer, streams: number, seed: number) {
  const began = performance.now()
  const answers = await Promise.all(Array.from({ length: streams }, (_, i) => way(seed + i)))
  const seconds = (performance.now() - began) / 1000
  const drawn = answers.reduce((sum, { usage }) => sum + usage.completion_tokens, 0)
  const acceptances = answers.flatMap((one) => one.alignment?.speculation?.acceptance ?? [])
  return { rate: drawn / seconds, acceptance: acceptances.reduce((sum, a) => sum + a, 0) / acceptances.length }
}

const median = (values: readonly number[]): number => describe(values).median

async function measure(streams: number): Promise<void> {
  const rates = new Map(ways.map(([way]) => [way, [] as number[]]))
  const acceptances = new Map(ways.map(([way]) => [way, [] as number[]]))
  for (let round = 0; round <= rounds; round++)
    for (const [way, run] of ways) {
      const { rate, acceptance } = await speed(run, streams, 1000 * round)
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
      ...(rates.has(twoCalls) ? [`${over(way, twoCalls).toFixed(2)} of ${twoCalls}`] : []),
      ...(Number.isNaN(accepted) ? [] : [`(acceptance ${accepted.toFixed(2)})`]),
    ]
    process.stdout.write(`${line.join(', ')}\n`)
  }
}

if (gateway === undefined) {
  process.stderr.write('TRIMTAB_BENCH_GATEWAY names no gateway: see the head of this file\n')
  process.exitCode = 1
} else for (const streams of widths) await measure(streams)
