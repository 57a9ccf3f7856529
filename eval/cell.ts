import type { AlignmentOptions } from '../src/guidance/alignment-options.ts'
import type { Topic } from './held-out.ts'

/** One policy, to be sampled on one topic's held-out prompts. */
export interface Cell {
  /** Unique among all cells. */
  readonly name: string
  readonly topic: Topic
  readonly alignment: AlignmentOptions
  readonly temperature: number
}

/** Weights by guide name. */
export type Weights = Readonly<Record<string, number>>

/** The base under these guides at temperature 1, or greedily. */
export function guidedCell(topic: Topic, weights: Weights, greedy = false): Cell {
  const guides = Object.entries(weights).map(([guide, weight]) => ({ guide, weight }))
  const name = guides.map(({ guide, weight }) => `${guide} ${weight}`).join(' + ') || 'base'
  return {
    name: `${topic}: ${name}${greedy ? ', greedy' : ''}`,
    topic,
    alignment: guides.length === 0 ? {} : { guides },
    temperature: greedy ? 0 : 1,
  }
}

/**
 * What an untrained guide does at this weight: it is the base itself, so the sum is p^(1 + weight), the base at temperature
 * 1 / (1 + weight). A guide is worth what it does beyond this.
 */
export function controlCell(topic: Topic, weight: number): Cell {
  return { name: `${topic}: control ${weight}`, topic, alignment: {}, temperature: 1 / (1 + weight) }
}
