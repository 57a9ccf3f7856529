import type { Grammar } from './grammar.ts'
import type { GrammarChecker } from './grammar-checker.ts'
import type { SumMeta, TalkMeta } from './held-out.ts'
import type { ParsedSentence } from './sentence-parser.ts'
import { checkSum } from './sum-checker.ts'
import { writtenStepLaw } from './written-step.ts'

/** Exact natural log p(text | prompt) of a review or reply, its latents summed out; undefined outside the support. */
export function talkLogprob(
  text: string,
  meta: TalkMeta,
  grammar: Grammar,
  checker: GrammarChecker,
): number | undefined {
  const parsed = checker.parse(text)
  const { lengths } = grammar.law
  if (parsed === undefined || !checker.judge(text, meta).onSubject || !lengths.includes(parsed.length)) return undefined
  const aspects = parsed.flatMap(({ slots }) => slots['aspect'] ?? [])
  if (new Set(aspects).size !== aspects.length) return undefined
  const available = grammar.domains[meta.domain]!.aspects.length
  const choices = [lengths.length, ...aspects.map((_, i) => available - i), ...parsed.flatMap((s) => ways(s, grammar))]
  const latent = Math.log(likelihoodOfClasses(parsed, grammar))
  return latent - choices.reduce((sum, count) => sum + Math.log(count), 0)
}

/** Among how many equally likely alternatives each part of a sentence was chosen, given its polarity and register. */
function ways({ template, slots }: ParsedSentence, grammar: Grammar): readonly number[] {
  const { kind, polarity, register } = template
  const rivals = grammar.templates.filter(
    (other) => other.kind === kind && other.polarity === polarity && other.register === register,
  )
  const adjectives = grammar.adjectives[polarity]![register]!.length
  return [
    rivals.length,
    slots['adjective'] === undefined ? 1 : adjectives,
    slots['adjective2'] === undefined ? 1 : adjectives - 1,
    slots['adverb'] === undefined ? 1 : grammar.adverbs[register]!.length,
  ]
}

function likelihoodOfClasses(parsed: readonly ParsedSentence[], { law }: Grammar): number {
  const polarity = Object.entries(law.sentiment).map(([sentiment, p]) => {
    const positive = law.positiveSentence[sentiment]!
    return p * product(parsed.map(({ template }) => (template.polarity === 'pos' ? positive : 1 - positive)))
  })
  const register = law.registers.map((own) => {
    const shares = parsed.map(({ template }) => {
      if (template.register === 'plain') return law.plain
      return template.register === own ? 1 - law.plain : 0
    })
    return product(shares) / law.registers.length
  })
  return sum(polarity) * sum(register)
}

/** Exact natural log p(text | problem) of a worked sum; undefined outside the support. */
export function sumLogprob(text: string, meta: SumMeta, grammar: Grammar): number | undefined {
  if (!checkSum(text, meta).wellFormed) return undefined
  let value = meta.operands[0]!
  let total = 0
  const expected: string[] = []
  for (const [i, operator] of meta.operators.entries()) {
    const operand = meta.operands[i + 1]!
    const result = Number(text.split('. ')[i]!.split(' = ')[1])
    const p = writtenStepLaw(value, operator, operand, grammar).get(result)
    if (p === undefined) return undefined
    total += Math.log(p)
    expected.push(`${value} ${operator} ${operand} = ${result}.`)
    value = result
  }
  return text === [...expected, `The answer is ${value}.`].join(' ') ? total : undefined
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function product(values: readonly number[]): number {
  return values.reduce((total, value) => total * value, 1)
}
