import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import type { BenchOptions } from '../bench-options.ts'
import { type Cleanup, withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { compare, type Rival, tokensPerSecond } from '../measures/comparison.ts'
import { atLeast, type Target } from '../measures/target.ts'
import { MissingRival, rivalOr } from '../missing.ts'
import { baseTerm, decodeRate, openOurs, openStream, plainSpec } from '../our-engine.ts'
import { promptIds } from '../prompts.ts'
import type { GenerationWorker } from '../rivals/generation-worker.ts'
import { openLlamaCpp } from '../rivals/llama-cpp.ts'
import { startNodeLlamaCpp } from '../rivals/node-llama-cpp.ts'
import { startTransformersJs } from '../rivals/transformers-js.ts'

const promptTokens = 160

const targets: Readonly<Record<string, Target>> = {
  'trimtab int8, 1': atLeast(1.1),
  'trimtab int8, 8': atLeast(1.4),
  'trimtab w8a8, 8': atLeast(1.8),
  'trimtab int8, 16': atLeast(1.4),
  'trimtab w8a8, 16': atLeast(2),
}

/** Decoding speed at 1, 8 and 16 streams of different prompts. */
export async function decode(options: BenchOptions): Promise<Finding> {
  const newTokens = options.quick ? 16 : 128
  return await withCleanup(async (cleanup) => {
    const engines = []
    for (const weights of ['int8', 'w8a8'] as const) {
      const engine = await openOurs([plainSpec(options.model, weights)], options)
      cleanup.add(() => engine.close())
      engines.push({ name: `trimtab ${weights}`, engine })
    }
    const { tokenizer } = engines[0]!.engine.models.get('m')!
    const { over: rivalsOver, versions } = await openRivals(options, cleanup)
    const rows = []
    for (const streams of [1, 8, 16]) {
      const prompts = Array.from({ length: streams }, (_, i) => promptIds(tokenizer, i, promptTokens))
      const ours = engines.map(({ name, engine }) => {
        return { name, measure: (round: number) => rateOfOurs(engine, prompts, round, newTokens) }
      })
      const work = `decode, ${streams} stream${streams === 1 ? '' : 's'}`
      const theirs = rivalsOver(prompts, newTokens)
      const targetOf = (our: string, rival: string) =>
        rival.startsWith('llama.cpp') ? targets[`${our}, ${streams}`] : undefined
      const found = await compare(work, ours, theirs, tokensPerSecond, options, targetOf)
      // the other rivals are there once, beside the default format
      rows.push(...found.filter(({ comparison }) => /int8|\/ llama\.cpp/.test(comparison)))
    }
    return { question: 'decode', rows, notes: [...notes(newTokens), ...versions] }
  })
}

const notes = (newTokens: number) => [
  `decode: prompts of ${promptTokens} tokens, all different, ${newTokens} new tokens each, temperature 1; tokens/s once all prompts are read. ` +
    'llama.cpp is llama-batched-bench, which draws no tokens; the others draw theirs: transformers.js (`q8`, the same ONNX Runtime) as one batch with its default top_k, node-llama-cpp with its own prebuilt llama.cpp.',
]

function rateOfOurs(engine: LocalEngine, prompts: readonly (readonly number[])[], round: number, tokens: number) {
  const streams = prompts.map((ids, i) => openStream(engine, [baseTerm(ids)], 100 * (round + 2) + i, tokens))
  return decodeRate(engine, streams, tokens)
}

interface DecodingRivals {
  readonly versions: readonly string[]
  over(prompts: readonly (readonly number[])[], newTokens: number): Rival[]
}

async function openRivals(options: BenchOptions, cleanup: Cleanup): Promise<DecodingRivals> {
  const llama = await rivalOr(() => openLlamaCpp(options))
  if (!(llama instanceof MissingRival)) cleanup.add(() => llama.close())
  const worker = async (start: () => Promise<GenerationWorker>) => {
    const started = await rivalOr(start)
    if (!(started instanceof MissingRival)) cleanup.add(() => started.stop())
    return started
  }
  const transformersJs = await worker(() => startTransformersJs(options))
  const nodeLlama = llama instanceof MissingRival ? llama : await worker(() => startNodeLlamaCpp(llama.gguf, options))
  const over: DecodingRivals['over'] = (prompts, newTokens) => {
    const rateOf = (started: GenerationWorker | MissingRival): Rival['measure'] => {
      if (started instanceof MissingRival) return started
      return async () => (prompts.length * newTokens) / (await started.generate(prompts, newTokens)).decodeSeconds
    }
    const llamaRate =
      llama instanceof MissingRival ? llama : () => llama.decodeRate(prompts.length, promptTokens, newTokens)
    return [
      { name: 'llama.cpp Q8_0', measure: llamaRate },
      { name: 'transformers.js q8', measure: rateOf(transformersJs) },
      { name: 'node-llama-cpp Q8_0', measure: rateOf(nodeLlama) },
    ]
  }
  const versions = [transformersJs, nodeLlama].flatMap((rival) =>
    rival instanceof MissingRival ? [] : [`Rival: ${rival.version}.`],
  )
  return { over, versions }
}
