import type { Grammar, Template } from './grammar.ts'
import type { SumMeta, TalkMeta } from './held-out.ts'
import { writtenStepLaw } from './written-step.ts'

/** Uniform in [0, 1). */
export type Rng = () => number

/** A review or reply drawn from the grammar's own law. */
export function drawTalkAnswer(meta: TalkMeta, grammar: Grammar, rng: Rng): string {
  const { law } = grammar
  const sentiment = drawFrom(new Map(Object.entries(law.sentiment)), rng)
  const register = pick(law.registers, rng)
  const aspects = [...grammar.domains[meta.domain]!.aspects]
  const sentences = Array.from({ length: pick(law.lengths, rng) }, () => {
    const polarity = rng() < law.positiveSentence[sentiment]! ? 'pos' : 'neg'
    const own = rng() < law.plain ? 'plain' : register
    const { kind } = meta
    const fitting = grammar.templates.filter(
      (one) => one.kind === kind && one.polarity === polarity && one.register === own,
    )
    return fill(pick(fitting, rng), meta, grammar, { aspects, rng })
  })
  return sentences.join(' ')
}

/** A worked sum drawn from the grammar's own law, wrong carries included. */
export function drawSumAnswer(meta: SumMeta, grammar: Grammar, rng: Rng): string {
  let value = meta.operands[0]!
  const steps = meta.operators.map((operator, i) => {
    const operand = meta.operands[i + 1]!
    const result = drawFrom(writtenStepLaw(value, operator, operand, grammar), rng)
    const step = `${value} ${operator} ${operand} = ${result}.`
    value = result
    return step
  })
  return [...steps, `The answer is ${value}.`].join(' ')
}

interface Remaining {
  /** Aspects that this answer has not used yet; taking one removes it. */
  readonly aspects: string[]
  readonly rng: Rng
}

function fill(template: Template, meta: TalkMeta, grammar: Grammar, { aspects, rng }: Remaining): string {
  const { polarity, register } = template
  const adjectives = [...grammar.adjectives[polarity]![register]!]
  const take = (words: string[]) => words.splice(Math.floor(rng() * words.length), 1)[0]!
  return template.text.replace(/\{([a-z0-9]+)\}/g, (_, slot: string) => {
    if (slot === 'aspect') return take(aspects)
    if (slot === 'adverb') return pick(grammar.adverbs[register]!, rng)
    if (slot === 'entity') return meta.entity
    if (slot === 'preposition') return grammar.domains[meta.domain]!.preposition
    return take(adjectives)
  })
}

function pick<Item>(items: readonly Item[], rng: Rng): Item {
  return items[Math.floor(rng() * items.length)]!
}

function drawFrom<Key>(law: ReadonlyMap<Key, number>, rng: Rng): Key {
  const u = rng()
  let total = 0
  let last: Key | undefined
  for (const [key, p] of law) {
    total += p
    last = key
    if (u < total) break
  }
  return last!
}
