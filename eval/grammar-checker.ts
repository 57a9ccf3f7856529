import type { Grammar } from './grammar.ts'
import type { TalkMeta } from './held-out.ts'
import { type ParsedSentence, sentenceParser } from './sentence-parser.ts'
import { splitSentences } from './sentences.ts'

/** What the grammar's own rules say of a review or reply. */
export interface TalkVerdict {
  /** Every sentence is one of the grammar's, and there is one. */
  readonly wellFormed: boolean
  /** Well-formed, and each sentence fits the prompt's kind, domain and entity. */
  readonly onSubject: boolean
  /** (positive - negative) / (positive + negative) words, 0 without any. */
  readonly positivity: number
  /** The same with formal and casual words. */
  readonly formality: number
  readonly sentences: number
}

export interface GrammarChecker {
  /** The sentences of a well-formed text; undefined for any other. */
  parse(text: string): readonly ParsedSentence[] | undefined
  judge(text: string, meta: TalkMeta): TalkVerdict
}

/** The exact rules of training/checker.py; the recorded verdicts of checker-cases.json hold both to the same answers. */
export function grammarChecker(grammar: Grammar): GrammarChecker {
  const parseSentence = sentenceParser(grammar)
  const parse = (text: string) => parseAll(splitSentences(text).map(parseSentence))
  const positivity = balance(grammar, 'positive', 'negative')
  const formality = balance(grammar, 'formal', 'casual')
  return {
    parse,
    judge(text, meta) {
      const parsed = parse(text)
      return {
        wellFormed: parsed !== undefined,
        onSubject: parsed?.every((sentence) => fits(sentence, meta, grammar)) ?? false,
        positivity: positivity(text),
        formality: formality(text),
        sentences: splitSentences(text).length,
      }
    },
  }
}

function parseAll(sentences: readonly (ParsedSentence | undefined)[]): readonly ParsedSentence[] | undefined {
  const parsed = sentences.filter((sentence) => sentence !== undefined)
  return parsed.length > 0 && parsed.length === sentences.length ? parsed : undefined
}

function fits({ template, slots }: ParsedSentence, meta: TalkMeta, grammar: Grammar): boolean {
  const domain = grammar.domains[meta.domain]!
  const { aspect, preposition, entity } = slots
  return (
    template.kind === meta.kind &&
    (aspect === undefined || domain.aspects.includes(aspect)) &&
    (preposition === undefined || preposition === domain.preposition) &&
    (entity === undefined || entity === meta.entity)
  )
}

type WordList = 'positive' | 'negative' | 'formal' | 'casual'

function balance({ attributes }: Grammar, plus: WordList, minus: WordList): (text: string) => number {
  const word = new RegExp(attributes.wordPattern, 'g')
  const [more, less] = [new Set(attributes[plus]), new Set(attributes[minus])]
  return (text) => {
    const words = text.toLowerCase().match(word) ?? []
    const a = words.filter((one) => more.has(one)).length
    const b = words.filter((one) => less.has(one)).length
    return a + b === 0 ? 0 : (a - b) / (a + b)
  }
}
