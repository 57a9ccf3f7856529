import type { BenchOptions } from '../bench-options.ts'
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts'
import { qwen05 } from '../checkpoints/shapes.ts'
import { withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { openArithmeticMeter } from '../measures/arithmetic.ts'
import { openBandwidthMeter } from '../measures/bandwidth.ts'
import type { ResultRow } from '../measures/result-row.ts'
import { alternate } from '../measures/rounds.ts'
import { atLeast } from '../measures/target.ts'
import { multiplyAddsPerPromptToken, weightBytesPerStep } from '../measures/weight-bytes.ts'
import { modelConfigOf } from '../model-config-of.ts'
import { advance, baseTerm, decodeRate, openOurs, openStream, plainSpec } from '../our-engine.ts'
import { promptIds } from '../prompts.ts'
import { profileStep } from '../step-profile.ts'

const promptTokens = 160

/** How much of the memory bandwidth a one-row step uses, and where the time of steps goes. */
export async function roofline(options: BenchOptions): Promise<Finding> {
  const { model, work, say, quick } = options
  const rows = [await share(options, 'SmolLM2-135M', model, 55)]
  const half = randomCheckpoint(work, 'qwen2.5-0.5b', qwen05, say)
  rows.push(await share(options, '0.5B shape, random weights', half, 65))
  rows.push(await arithmeticShare(options))
  const profiles = []
  for (const streams of quick ? [1] : [1, 8, 16]) {
    say(`profile of a step of ${streams} rows`)
    profiles.push(await profileStep(options, model, streams, quick ? 8 : 32))
  }
  return { question: 'roofline', rows, profiles, notes }
}

const notes = [
  'roofline: bytes of weights and scales that a step reads (all projections and the output matrix), times steps a second, over the bandwidth measured in the same round: as many threads as the engine each look for a byte ' +
    'that does not occur (memchr) in their part of 512 MiB, the best of three groups of four passes.',
  'Multiply-adds: those of the projections for each prompt token, over what the same kernel reaches on 512 rows and one matrix of 2048 x 8192.',
  'The profile is of steps with the profiler on, which slows small nodes: compare its parts with each other, not its totals with other rows.',
]

async function share(options: BenchOptions, name: string, folder: string, percent: number): Promise<ResultRow> {
  const newTokens = options.quick ? 16 : 64
  return await withCleanup(async (cleanup) => {
    const meter = await openBandwidthMeter(options.threads)
    cleanup.add(() => meter.close())
    const engine = await openOurs([plainSpec(folder, 'int8')], options)
    cleanup.add(() => engine.close())
    const prompt = promptIds(engine.models.get('m')!.tokenizer, 0, promptTokens)
    const decoding = (round: number) =>
      decodeRate(engine, [openStream(engine, [baseTerm(prompt)], round + 2, newTokens)], newTokens)
    const work = `roofline share, 1 stream, ${name}`
    options.say(work)
    const contestants = [
      { name: 'bandwidth', measure: async () => (await meter.measure()) / 1e9 },
      { name: 'steps', measure: decoding },
    ]
    const found = await alternate(contestants, options.rounds, options.say)
    const [bandwidth, steps] = [found.get('bandwidth')!, found.get('steps')!]
    const bytes = weightBytesPerStep(modelConfigOf(folder), 'int8')
    return {
      work,
      comparison: 'trimtab int8 / memory bandwidth',
      unit: '%',
      values: steps.map((rate, round) => (100 * rate * bytes) / (bandwidth[round]! * 1e9)),
      measured: [
        { name: 'steps', unit: '/s', values: steps },
        { name: 'weights', unit: 'MB a step', values: [bytes / 1e6] },
        { name: 'bandwidth', unit: 'GB/s', values: bandwidth },
      ],
      target: atLeast(percent),
    }
  })
}

const longPrompt = 512

/** How much of the kernel's own best a prefill reaches. */
async function arithmeticShare(options: BenchOptions): Promise<ResultRow> {
  return await withCleanup(async (cleanup) => {
    const meter = await openArithmeticMeter(options.threads)
    cleanup.add(() => meter.close())
    const engine = await openOurs([plainSpec(options.model, 'int8')], options)
    cleanup.add(() => engine.close())
    const { tokenizer, config } = engine.models.get('m')!
    let seed = 4000
    const prefilling = async () => {
      const sequence = openStream(engine, [baseTerm(promptIds(tokenizer, seed++, longPrompt + 1))], 1, 1)
      const seconds = await advance(engine, [sequence], 0)
      engine.release(sequence)
      return longPrompt / seconds
    }
    const work = `roofline share, prefill of ${longPrompt}, SmolLM2-135M`
    options.say(work)
    const contestants = [
      { name: 'multiply-adds', measure: async () => (await meter.measure()) / 1e9 },
      { name: 'prefill', measure: prefilling },
    ]
    const found = await alternate(contestants, options.rounds, options.say)
    const [peak, rates] = [found.get('multiply-adds')!, found.get('prefill')!]
    return {
      work,
      comparison: 'trimtab int8 / multiply-adds of one large product',
      unit: '%',
      values: rates.map((rate, round) => (100 * rate * multiplyAddsPerPromptToken(config)) / (peak[round]! * 1e9)),
      measured: [
        { name: 'prefill', unit: 'tokens/s', values: rates },
        { name: 'product', unit: 'billion/s', values: peak },
      ],
    }
  })
}
