import { entitiesOf, type Grammar, type Template } from './grammar.ts'

export interface ParsedSentence {
  readonly template: Template
  /** What fills the template's slots, by slot name. */
  readonly slots: Readonly<Record<string, string | undefined>>
}

/** Finds the one template that a sentence fills; undefined when it is no sentence of the grammar. */
export type SentenceParser = (sentence: string) => ParsedSentence | undefined

/** A parser of the grammar's sentences; slots take words of any domain here, the subject is judged elsewhere. */
export function sentenceParser(grammar: Grammar): SentenceParser {
  const patterns = grammar.templates.map((template) => ({ template, pattern: patternOf(template, grammar) }))
  return (sentence) => {
    for (const { template, pattern } of patterns) {
      const match = pattern.exec(sentence)
      if (match === null) continue
      const slots = match.groups ?? {}
      return repeatsAdjective(slots) ? undefined : { template, slots }
    }
    return undefined
  }
}

function repeatsAdjective({ adjective, adjective2 }: Readonly<Record<string, string | undefined>>): boolean {
  return adjective2 !== undefined && adjective === adjective2
}

function patternOf(template: Template, grammar: Grammar): RegExp {
  const values = slotValues(template, grammar)
  // Odd pieces are slot names.
  const pieces = template.text.split(/\{([a-z0-9]+)\}/)
  const source = pieces.map((piece, i) => (i % 2 === 1 ? `(?<${piece}>${anyOf(values[piece] ?? [])})` : literal(piece)))
  return new RegExp(`^${source.join('')}$`)
}

function slotValues(template: Template, grammar: Grammar): Readonly<Record<string, readonly string[]>> {
  const domains = Object.values(grammar.domains)
  const adjectives = grammar.adjectives[template.polarity]![template.register]!
  return {
    aspect: domains.flatMap(({ aspects }) => aspects),
    entity: domains.flatMap(entitiesOf),
    preposition: domains.map(({ preposition }) => preposition),
    adverb: grammar.adverbs[template.register]!,
    adjective: adjectives,
    adjective2: adjectives,
  }
}

function anyOf(words: readonly string[]): string {
  return [...new Set(words)].map(literal).join('|')
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
