import assert from 'node:assert/strict'
import type { SequenceRequest } from '../../src/decoding/decoder.ts'
import { feynmanKac } from '../../src/guidance/feynman-kac.ts'
import type { ChoiceEvent, ChoiceOutcome, Strategy } from '../../src/guidance/strategy.ts'
import { type ParticleOptions, particleOptions } from '../../src/guidance/whole-answer-options.ts'
import type { Question, Reward } from '../../src/rm/reward.ts'
import { samplingParams } from '../sampling/params.ts'
import { EnumeratingDecoder } from './enumerating-decoder.ts'
import { type Chance, enumerated, enumeratedPick, enumeratedResampling, type Outcome } from './enumeration.ts'
import { type ToyModels, tableModel } from './toy-models.ts'

export const question: Question = { messages: undefined, text: '', references: undefined }

/** How good an answer is, by its text, with '$' where the model ended it; an unfinished one by its text so far. */
export type ToyReward = (text: string, finished: boolean) => number

export function toyReward(score: ToyReward, traits: Partial<Reward['traits']> = {}): Reward {
  return {
    name: 'toy',
    traits: { partial: true, range: undefined, relative: false, ...traits },
    score: async (_, answers) =>
      answers.map(({ text, finished }) => ({ score: score(text, finished), attributes: undefined, steps: undefined })),
  }
}

/** A number without pattern in [-1, 1) for each text; whole answers differ from equal beginnings. */
export const scrambledReward: ToyReward = (text, finished) => {
  let hash = finished ? 977 : 31
  for (const character of text) hash = (hash * 131 + character.charCodeAt(0)) % 10_007
  return ((hash * 7919) % 10_007) / 5003.5 - 1
}

/** A world small enough to enumerate: one model, or several where the request has guides. */
export interface ToyWorld {
  readonly models: ToyModels
  readonly eos: number | undefined
  readonly maxTokens: number
  readonly terms: SequenceRequest['terms']
}

const base = { model: 'base', adapter: undefined, promptIds: [0], coefficient: 1 }

export const tableWorld = (
  table: Readonly<Record<string, readonly number[]>>,
  eos: number | undefined,
  maxTokens: number,
): ToyWorld => ({ models: new Map([['base', tableModel(table)]]), eos, maxTokens, terms: [base] })

/** Three binary tokens. */
export const fixedLength = tableWorld(
  {
    '': [0.6, 0.4],
    '0': [0.5, 0.5],
    '1': [0.9, 0.1],
    '00': [0.3, 0.7],
    '01': [0.8, 0.2],
    '10': [0.45, 0.55],
    '11': [0.25, 0.75],
  },
  undefined,
  3,
)

/** Answers that end at once, after one, after two or after three tokens. */
export const variableLength = tableWorld(
  {
    '': [0.5, 0.4, 0.1],
    '0': [0.4, 0, 0.6],
    '1': [0, 1, 0],
    '00': [0, 0, 1],
    '11': [0.3, 0.7, 0],
  },
  2,
  3,
)

export const requestOf = (world: ToyWorld, trace = false): SequenceRequest => ({
  terms: world.terms,
  sampling: samplingParams({ maxTokens: world.maxTokens, trace }),
})

export interface Run {
  /** The text, with '$' where the model ended it. */
  readonly answer: string
  readonly outcome: ChoiceOutcome
}

/** Runs a strategy of one choice to its end. */
export async function runOf(strategy: Strategy, world: ToyWorld, chance: Chance, trace = false): Promise<Run> {
  const decoder = new EnumeratingDecoder(world.models, world.eos, chance)
  let text = ''
  let end: Extract<ChoiceEvent, { type: 'choice-end' }> | undefined
  for await (const event of strategy(requestOf(world, trace), decoder, new AbortController().signal)) {
    if (event.type === 'choice-delta') text += event.text
    if (event.type === 'choice-end') end = event
  }
  assert.equal(decoder.live.size, 0, 'a sequence was left behind')
  assert.equal(end!.generatedTokens, decoder.steps)
  return { answer: end!.finishReason === 'stop' ? `${text}$` : text, outcome: end!.outcome! }
}

export const particles = (changes: Partial<ParticleOptions>): ParticleOptions => ({
  ...particleOptions.parse({ n: 2, reward: 'toy', select: 'sample' }),
  ...changes,
})

/** Every run of the real strategy over tokens, resampling and the final choice. */
export function particleRuns(world: ToyWorld, options: ParticleOptions, score: ToyReward): Promise<Outcome<Run>[]> {
  return enumerated((chance) => {
    const reward = toyReward(score, { range: options.compat === 'its_hub' ? [0, 1] : undefined })
    const strategy = feynmanKac(options, reward, question, enumeratedResampling(chance), enumeratedPick(chance))
    return runOf(strategy, world, chance, options.target === 'global')
  })
}
