import { atLeast, atMost, type Bar } from './bar.ts'
import { guidedCell } from './cell.ts'
import { base, type Comparison, control, talk } from './comparison.ts'

/** The bars of the base alone. */
export function baseBars(compare: Comparison): readonly Bar[] {
  const sound = compare.measure(base('sums'), 'sound')
  return [
    atLeast(0.9, 'base: well-formed and on the subject', compare.measure(base('talk'), 'onSubject')),
    atLeast(0.15, 'base: sound sums, temperature 1', sound),
    atMost(0.4, 'base: sound sums, temperature 1', sound),
  ]
}

/** The bars of the guide `positive`. */
export function positiveBars(compare: Comparison): readonly Bar[] {
  const at = (positive: number) => talk({ positive })
  const over = (weight: number, other: ReturnType<typeof at>) => compare.difference(at(weight), other, 'positivity')
  const rising = [0.25, 0.5, 1, 2].map(at)
  return [
    atLeast(0.6, 'positive 1: positivity over the base', over(1, base('talk'))),
    atLeast(0.5, 'positive 1: positivity over the control p²', over(1, control(1))),
    atLeast(0.85, 'positive 1: well-formed', compare.measure(at(1), 'wellFormed')),
    atLeast(0, 'positive: smallest rise of positivity over .25, .5, 1, 2', compare.smallestStep(rising, 'positivity')),
    atMost(-0.6, 'positive -1: positivity over the base', over(-1, base('talk'))),
    atLeast(0.8, 'positive -1: well-formed', compare.measure(at(-1), 'wellFormed')),
  ]
}

/** The bars of `formal` and `concise`. */
export function styleBars(compare: Comparison): readonly Bar[] {
  const concise = talk({ concise: 1 })
  return [
    atLeast(0.9, 'formal 1: formality', compare.measure(talk({ formal: 1 }), 'formality')),
    atMost(0.6, "concise 1: sentences as a share of the base's", compare.ratio(concise, base('talk'), 'sentences')),
    atMost(0, 'concise 1: sentences over the control p²', compare.difference(concise, control(1), 'sentences')),
  ]
}

/** The bars of guides that work together. */
export function togetherBars(compare: Comparison): readonly Bar[] {
  const both = talk({ positive: 1, formal: 1 })
  const all = talk({ positive: 0.5, formal: 0.5, concise: 0.5 })
  const moved = (column: string) => compare.difference(all, base('talk'), column)
  const kept = (alone: 'positive' | 'formal', column: string) => compare.keptEffect(both, talk({ [alone]: 1 }), column)
  return [
    atLeast(0.8, 'positive 1 + formal 1: share of the effect on positivity kept', kept('positive', 'positivity')),
    atLeast(0.8, 'positive 1 + formal 1: share of the effect on formality kept', kept('formal', 'formality')),
    atLeast(0, 'all three at .5: positivity over the base', moved('positivity')),
    atLeast(0, 'all three at .5: formality over the base', moved('formality')),
    atMost(0, 'all three at .5: sentences over the base', moved('sentences')),
    atLeast(0.85, 'all three at .5: well-formed', compare.measure(all, 'wellFormed')),
  ]
}

/** The bars of the reasoner. */
export function reasonerBars(compare: Comparison): readonly Bar[] {
  const sound = (greedy: boolean) => compare.measure(guidedCell('sums', { reasoner: 1 }, greedy), 'sound')
  return [
    atLeast(0.8, 'reasoner 1: sound sums, temperature 1', sound(false)),
    atLeast(0.9, 'reasoner 1: sound sums, greedy', sound(true)),
    atLeast(0.85, 'reasoner 1: reviews and replies well-formed', compare.measure(talk({ reasoner: 1 }), 'wellFormed')),
  ]
}
