import { uniform } from '../../src/decoding/rng.ts'
import { indexAt } from '../../src/decoding/upstream/chance.ts'

/** Log-probabilities over the vocabulary behind the given ids. */
export type DoubleLaw = (ids: readonly number[]) => readonly number[]

export interface DoubleSampling {
  readonly maxTokens: number
  readonly temperature: number
  /** 0 or less: all. */
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly seed: bigint | undefined
  readonly ignoreEos: boolean
  readonly stopTokenIds: readonly number[]
}

export interface DoubleToken {
  readonly id: number
  /** Of every token, before temperature and filters. */
  readonly raw: readonly number[]
  /** Of every token, as it was sampled from; -Infinity for what was filtered out. */
  readonly processed: readonly number[]
}

export interface DoubleAnswer {
  readonly tokens: readonly DoubleToken[]
  readonly finish: 'stop' | 'length'
  /** The stop token id that ended it, where it was not the end-of-sequence token. */
  readonly stopReason: number | undefined
}

/** Draws without a seed are left to this; a test that enumerates puts its chance here. */
export type DoubleChance = (probabilities: readonly number[]) => number

/** Samples from table laws the way engines do. */
export class DoubleEngine {
  readonly laws: Map<string, DoubleLaw>
  readonly vocabSize: number
  readonly eos: number
  readonly contextLength: number
  /** Undefined: seeds decide. */
  chance: DoubleChance | undefined
  /** Tokens drawn so far. */
  drawn = 0

  constructor(laws: ReadonlyMap<string, DoubleLaw>, vocabSize: number, eos: number, contextLength = 64) {
    this.laws = new Map(laws)
    this.vocabSize = vocabSize
    this.eos = eos
    this.contextLength = contextLength
  }

  generate(model: string, prompt: readonly number[], sampling: DoubleSampling): DoubleAnswer {
    return this.generateFrom(this.laws.get(model)!, prompt, sampling)
  }

  generateFrom(law: DoubleLaw, prompt: readonly number[], sampling: DoubleSampling): DoubleAnswer {
    const tokens: DoubleToken[] = []
    const room = Math.min(sampling.maxTokens, this.contextLength - prompt.length)
    while (tokens.length < room) {
      const raw = law([...prompt, ...tokens.map(({ id }) => id)])
      const processed = filtered(raw, sampling)
      const id = this.#draw(processed.map(Math.exp), sampling, tokens.length)
      tokens.push({ id, raw, processed })
      this.drawn++
      if (id === this.eos && !sampling.ignoreEos) return { tokens, finish: 'stop', stopReason: undefined }
      if (sampling.stopTokenIds.includes(id)) return { tokens, finish: 'stop', stopReason: id }
    }
    return { tokens, finish: 'length', stopReason: undefined }
  }

  #draw(law: readonly number[], { seed, temperature }: DoubleSampling, position: number): number {
    if (temperature === 0) return law.indexOf(Math.max(...law))
    if (this.chance !== undefined) return this.chance(law)
    return indexAt(law, seed === undefined ? Math.random() : uniform(seed, position))
  }
}

/** Temperature, then top_k (ties with the last are kept), top_p, min_p, each renormalised. */
function filtered(raw: readonly number[], { temperature, topK, topP, minP }: DoubleSampling): readonly number[] {
  if (temperature === 0) return raw
  let law = normalised(raw.map((logprob) => logprob / temperature))
  const sorted = () => [...law].sort((a, b) => b - a)
  if (topK > 0 && topK < law.length) law = keeping(law, sorted()[topK - 1]!)
  if (topP < 1) law = keeping(law, nucleusEdge(sorted(), topP))
  if (minP > 0) law = keeping(law, sorted()[0]! + Math.log(minP))
  return law
}

function nucleusEdge(sorted: readonly number[], topP: number): number {
  let mass = 0
  for (const logprob of sorted) {
    mass += Math.exp(logprob)
    if (mass >= topP) return logprob
  }
  return Number.NEGATIVE_INFINITY
}

const keeping = (law: readonly number[], edge: number): readonly number[] =>
  normalised(law.map((logprob) => (logprob >= edge ? logprob : Number.NEGATIVE_INFINITY)))

export function normalised(values: readonly number[]): readonly number[] {
  const max = Math.max(...values)
  const total = max + Math.log(values.reduce((sum, value) => sum + Math.exp(value - max), 0))
  return values.map((value) => value - total)
}

/** Logits in [-2, 2) without any pattern, for every name and every sequence of ids. */
export function scrambledLaw(name: string, vocabSize: number): DoubleLaw {
  return (ids) =>
    normalised(Array.from({ length: vocabSize }, (_, v) => 4 * scramble(`${name}|${ids.join()}|${v}`) - 2))
}

/** FNV-1a with a final avalanche, as a number in [0, 1). */
function scramble(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
