import { join } from 'node:path'
import type { LogitTerm } from '../../src/decoding/decoder.ts'
import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import type { BenchOptions } from '../bench-options.ts'
import { adapterRank, randomAdapter } from '../checkpoints/random-adapter.ts'
import { type Cleanup, withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { compare, type Rival, tokensPerSecond } from '../measures/comparison.ts'
import { type ResultRow, rateRatios } from '../measures/result-row.ts'
import { alternate } from '../measures/rounds.ts'
import { atLeast, atMost } from '../measures/target.ts'
import { MissingRival, rivalOr } from '../missing.ts'
import { baseTerm, decodeRate, openOurs, openStream, plainSpec } from '../our-engine.ts'
import { promptIds } from '../prompts.ts'
import { startGenarmReference } from '../rivals/genarm-reference.ts'

const promptTokens = 160

/** A standalone guide beside the reference engine, and LoRA guides beside plain decoding. */
export async function guided(options: BenchOptions): Promise<Finding> {
  const versions: string[] = []
  const rows = [...(await standalone(options, versions)), ...(await loraGuides(options))]
  return { question: 'guided', rows, notes: [...notes, ...versions] }
}

const notes = [
  `guided: prompts of ${promptTokens} tokens, tokens/s once they are read. The standalone guide is the base once more, loaded as a model of its own on both sides. ` +
    "The reference engine (PyTorch, float32, without its own copies and statistics, so faster than it is) takes one prompt at a time, as GenARM's scripts give them; batched, all at once.",
  `LoRA guides: random adapters of rank ${adapterRank} on all seven projections, weight 0.5 each; four are loaded and k used, plain decoding is an engine without adapters.`,
]

async function standalone(options: BenchOptions, versions: string[]): Promise<ResultRow[]> {
  const newTokens = options.quick ? 4 : 64
  return await withCleanup(async (cleanup) => {
    const guide = { name: 'guide', source: options.model, weights: 'int8' } as const
    const engine = await openOurs([plainSpec(options.model, 'int8'), guide], options)
    cleanup.add(() => engine.close())
    const { tokenizer } = engine.models.get('m')!
    const reference = await rivalOr(() => startGenarmReference(options.model, options))
    if (!(reference instanceof MissingRival)) {
      cleanup.add(() => reference.stop())
      versions.push(`Rival: ${reference.version}.`)
    }
    const rows: ResultRow[] = []
    for (const streams of [1, 8]) {
      const prompts = Array.from({ length: streams }, (_, i) => promptIds(tokenizer, i, promptTokens))
      const measure = (round: number) =>
        rateOver(engine, prompts, (ids) => [baseTerm(ids), baseTerm(ids, 'guide')], round, newTokens)
      const rival = (name: string, batched: boolean): Rival => {
        if (reference instanceof MissingRival) return { name, measure: reference }
        const rate = async () =>
          (streams * newTokens) / (await reference.generate(prompts, newTokens, { batched })).decodeSeconds
        return { name, measure: rate }
      }
      const rivals = [
        rival('reference engine, prompt by prompt', false),
        ...(streams > 1 ? [rival('reference engine, batched', true)] : []),
      ]
      const work = `GenARM, a guide of the base's size, ${streams} stream${streams === 1 ? '' : 's'}`
      const targetOf = (_: string, name: string) =>
        name.endsWith('batched') ? undefined : atLeast(streams === 1 ? 8 : 25)
      rows.push(
        ...(await compare(work, [{ name: 'trimtab int8', measure }], rivals, tokensPerSecond, options, targetOf)),
      )
    }
    return rows
  })
}

const guideCounts = [1, 2, 3, 4]

async function loraGuides(options: BenchOptions): Promise<ResultRow[]> {
  const newTokens = options.quick ? 16 : 64
  const streams = 8
  return await withCleanup(async (cleanup) => {
    const plain = await openOurs([plainSpec(options.model, 'int8')], options)
    cleanup.add(() => plain.close())
    const steered = await openSteered(options, cleanup)
    const { tokenizer } = plain.models.get('m')!
    const prompts = Array.from({ length: streams }, (_, i) => promptIds(tokenizer, i, promptTokens))
    const guidedBy = (k: number) => (round: number) =>
      rateOver(steered, prompts, (ids) => [baseTerm(ids), ...guideTerms(ids, k)], round, newTokens)
    const contestants = [
      {
        name: 'plain',
        measure: (round: number) => rateOver(plain, prompts, (ids) => [baseTerm(ids)], round, newTokens),
      },
      ...guideCounts.map((k) => ({ name: `${k} guides`, measure: guidedBy(k) })),
    ]
    options.say(`LoRA guides, ${streams} streams`)
    const found = await alternate(contestants, options.rounds, options.say)
    return guideCounts.map((k) => costRow(k, streams, found))
  })
}

function costRow(k: number, streams: number, found: ReadonlyMap<string, readonly number[]>): ResultRow {
  const plain = found.get('plain')!
  const steered = found.get(`${k} guides`)!
  return {
    work: `${k} LoRA guide${k === 1 ? '' : 's'}, ${streams} streams: cost over plain`,
    comparison: 'trimtab int8, guided / plain',
    unit: 'x',
    values: rateRatios(plain, steered),
    measured: [
      { name: 'guided', unit: 'tokens/s', values: steered },
      { name: 'plain', unit: 'tokens/s', values: plain },
    ],
    target: atMost(1 + 0.35 * k),
  }
}

async function openSteered(options: BenchOptions, cleanup: Cleanup): Promise<LocalEngine> {
  const adapters = guideCounts.map((k) => {
    const name = `guide-${k}`
    return { name, source: randomAdapter(join(options.work, 'adapters', name), options.model, k) }
  })
  const engine = await openOurs([{ ...plainSpec(options.model, 'int8'), adapters }], options)
  cleanup.add(() => engine.close())
  return engine
}

const guideTerms = (promptIds: readonly number[], k: number): LogitTerm[] =>
  guideCounts.slice(0, k).map((n) => ({ model: 'm', adapter: `guide-${n}`, promptIds, coefficient: 0.5 }))

function rateOver(
  engine: LocalEngine,
  prompts: readonly (readonly number[])[],
  termsOf: (ids: readonly number[]) => LogitTerm[],
  round: number,
  newTokens: number,
): Promise<number> {
  const sequences = prompts.map((ids, i) => openStream(engine, termsOf(ids), 100 * (round + 2) + i, newTokens))
  return decodeRate(engine, sequences, newTokens)
}
