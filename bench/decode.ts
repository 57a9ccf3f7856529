import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LocalEngine, openEngine } from '../src/decoding/local/engine.ts'
import type { WeightFormat } from '../src/decoding/local/engine-options.ts'
import { plainSampling } from '../src/decoding/sampling-params.ts'
import { describe, type Spread } from './spread.ts'

interface DecodeOptions {
  readonly model: string
  readonly llama?: string
  readonly gguf?: string
  readonly rounds: number
  readonly streams: string
  readonly weights: WeightFormat
  readonly threads: number
}

const promptTokens = 160
const newTokens = 128

/** Decoding speed with different prompts of 160 tokens, 128 new tokens each; ratios of rounds run right after one another. */
export async function benchDecode(options: DecodeOptions): Promise<void> {
  const engine = await open(options)
  for (const streams of options.streams.split(',').map(Number)) {
    await ours(engine, streams)
    const rounds: { ours: number; rival: number | undefined }[] = []
    for (let round = 0; round < options.rounds; round++)
      rounds.push({ rival: llama(options, streams), ours: await ours(engine, streams) })
    report(streams, rounds)
  }
  await engine.close()
}

function report(streams: number, rounds: readonly { ours: number; rival: number | undefined }[]): void {
  const line = (name: string, spread: Spread) =>
    `${name.padEnd(22)} ${spread.median.toFixed(2).padStart(8)}  (${spread.min.toFixed(2)} .. ${spread.max.toFixed(2)})`
  process.stdout.write(`\n${streams} stream${streams === 1 ? '' : 's'}\n`)
  process.stdout.write(`${line('trimtab, tokens/s', describe(rounds.map((round) => round.ours)))}\n`)
  const rivals = rounds.flatMap((round) => (round.rival === undefined ? [] : [round.rival]))
  if (rivals.length < rounds.length) {
    process.stdout.write('llama.cpp              missing: give --llama and --gguf\n')
    return
  }
  process.stdout.write(`${line('llama.cpp, tokens/s', describe(rivals))}\n`)
  process.stdout.write(`${line('ratio', describe(rounds.map((round) => round.ours / round.rival!)))}\n`)
}

function open(options: DecodeOptions): Promise<LocalEngine> {
  const cacheFolder = join(tmpdir(), 'trimtab-bench')
  return openEngine(
    [{ name: 'm', source: options.model, weights: options.weights, adapters: [], contextLength: 2048 }],
    {
      memoryBytes: 2 ** 31,
      threads: options.threads,
      maxRunning: 64,
      maxWaiting: 64,
      prefillBudget: 4096,
      cacheFolder,
      hub: { cacheFolder },
    },
    () => {},
  )
}

async function ours(engine: LocalEngine, streams: number): Promise<number> {
  const sequences = Array.from({ length: streams }, (_, i) => openSequence(engine, i))
  const { signal } = new AbortController()
  for (const sequence of sequences) for await (const _ of engine.advance(sequence, 0, signal));
  const start = performance.now()
  await Promise.all(
    sequences.map(async (sequence) => {
      for await (const _ of engine.advance(sequence, newTokens, signal));
    }),
  )
  const seconds = (performance.now() - start) / 1000
  for (const sequence of sequences) engine.release(sequence)
  return (streams * newTokens) / seconds
}

const topics = [
  'a lighthouse',
  'the first bicycle',
  'a lost letter',
  'two rival bakers',
  'a frozen river',
  'a chess game',
  'an old clock',
  'the night train',
]

/** A chat about one of the topics, of exactly `promptTokens` tokens: real text, so that laws are as sharp as in use. */
function openSequence(engine: LocalEngine, index: number) {
  const { tokenizer, chatTemplate } = engine.models.get('m')!
  const topic = topics[index % topics.length]!
  const filler = `It should be calm and detailed, with people who talk to each other about ${topic}. `
  const content = `Please write a long story about ${topic}, number ${index}. ${filler.repeat(12)}`
  const text = chatTemplate?.render([{ role: 'user', content }]) ?? content
  const ids = tokenizer.encode(text, false)
  const promptIds = [...ids.slice(0, promptTokens / 2), ...ids.slice(-promptTokens / 2)]
  return engine.open({
    terms: [{ model: 'm', adapter: undefined, promptIds, coefficient: 1 }],
    sampling: { ...plainSampling, seed: BigInt(index), maxTokens: newTokens, ignoreEos: true },
  })
}

/** Tokens/s of llama-batched-bench's generation phase over separate sequences. */
function llama(options: DecodeOptions, streams: number): number | undefined {
  if (options.llama === undefined || options.gguf === undefined) return undefined
  const program = join(options.llama, 'llama-batched-bench')
  if (!existsSync(program) || !existsSync(options.gguf)) return undefined
  const flags = ['-m', options.gguf, '-t', `${options.threads}`, '-c', '8192', '-npp', `${promptTokens}`]
  const output = execFileSync(
    program,
    [...flags, '-ntg', `${newTokens}`, '-npl', `${streams}`, '--output-format', 'jsonl'],
    {
      env: { LD_LIBRARY_PATH: options.llama },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const line = output.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`llama-batched-bench printed no result:\n${output}`)
  return (JSON.parse(line) as { speed_tg: number }).speed_tg
}
