import type { Grammar } from './grammar.ts'

/** What the grammar writes as the result of one step, with probabilities: the right value, or one with its carry flipped. */
export function writtenStepLaw(
  a: number,
  operator: '+' | '-',
  b: number,
  { sums }: Grammar,
): ReadonlyMap<number, number> {
  const right = operator === '+' ? a + b : a - b
  // A negative value arises only behind a wrong step and is written as 0.
  if (right < 0) return new Map([[0, 1]])
  const carries = operator === '+' ? (a % 10) + (b % 10) > 9 : a % 10 < b % 10
  const slip = carries ? sums.dropCarry : sums.spuriousCarry
  const wrong = right + (carries === (operator === '+') ? -10 : 10)
  return new Map([
    [right, 1 - slip],
    // An invented borrow from no tens goes up instead.
    [wrong >= 0 ? wrong : wrong + 20, slip],
  ])
}
