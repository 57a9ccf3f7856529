import type { Reward, Verdict } from './reward.ts'
import { ruleReward } from './reward-verdicts.ts'

/** A sum as a question asks for it: operands[0] operators[0] operands[1] ..., from left to right. */
interface Sum {
  readonly operands: readonly bigint[]
  readonly operators: readonly string[]
}

const asked = /(?<![\d.])-?\d+(?: [+-] \d+)+(?![\d.]*\d)/g
const step = /(?<![\d.])(-?\d+) ([+-]) (\d+) = (-?\d+)\./g
const whole = /^(?:-?\d+ [+-] \d+ = -?\d+\. )+The answer is -?\d+\.$/
const conclusion = /The answer is (-?\d+)\./

/** steps: share of right steps. sound: 1 where all is right, otherwise 0. */
export type ArithmeticScore = 'steps' | 'sound'

/**
 * Checks sums that are worked out in steps: "31 - 6 = 25. 25 - 5 = 20. The answer is 20." A step is right when it takes up the
 * result written before it, right or wrong, and computes correctly; where the question holds a sum ("Compute 31 - 6 - 5."),
 * its operators and operands must be that sum's. Attributes: `right` (the conclusion), `steps` (share of right steps) and
 * `sound` (nothing but the steps and the conclusion, all right). An unfinished answer is as sound as its steps so far.
 */
export function arithmeticReward(name: string, score: ArithmeticScore): Reward {
  return ruleReward(name, { partial: true, range: [0, 1] }, (question) => {
    const sum = sumAsked(question.text)
    return ({ text, finished }) => {
      const checked = finished ? checkAnswer(text, sum) : checkBeginning(text, sum)
      return { ...checked, score: checked.attributes[score] }
    }
  })
}

interface Checked extends Verdict {
  readonly attributes: Record<ArithmeticScore | 'right', number>
  readonly steps: readonly number[]
}

function checkAnswer(text: string, sum: Sum | undefined): Omit<Checked, 'score'> {
  const found = checkSteps(text, sum)
  const expected = sum?.operators.length ?? found.rights.length
  const written = conclusion.exec(text)?.[1]
  const right = written !== undefined && BigInt(written) === (sum === undefined ? found.last : resultOf(sum))
  const wellFormed = whole.test(text) && found.rights.length === expected
  const share = shareOf(found.rights, Math.max(expected, found.rights.length, 1))
  return verdict(found.rights, right, share, wellFormed && right && found.rights.every(Boolean))
}

function checkBeginning(text: string, sum: Sum | undefined): Omit<Checked, 'score'> {
  const { rights } = checkSteps(text, sum)
  const good = rights.every(Boolean)
  return verdict(rights, good, rights.length === 0 ? 1 : shareOf(rights, rights.length), good)
}

function verdict(rights: readonly boolean[], right: boolean, share: number, sound: boolean): Omit<Checked, 'score'> {
  return { attributes: { right: Number(right), steps: share, sound: Number(sound) }, steps: rights.map(Number) }
}

const shareOf = (rights: readonly boolean[], count: number): number => rights.filter(Boolean).length / count

function checkSteps(
  text: string,
  sum: Sum | undefined,
): { readonly rights: boolean[]; readonly last: bigint | undefined } {
  // BigInt, because nothing bounds the number of digits that a model writes
  let value = sum?.operands[0]
  const rights = [...text.matchAll(step)].map(([, a, operator, b, result], i) => {
    const [left, right, written] = [BigInt(a!), BigInt(b!), BigInt(result!)]
    const asAsked = sum === undefined || (operator === sum.operators[i] && right === sum.operands[i + 1])
    const takesUp = value === undefined || left === value
    value = written
    return asAsked && takesUp && written === apply(left, operator!, right)
  })
  return { rights, last: rights.length === 0 ? undefined : value }
}

/** The last sum in the question; undefined where there is none. */
function sumAsked(question: string): Sum | undefined {
  const found = question.match(asked)?.at(-1)
  if (found === undefined) return undefined
  const parts = found.split(' ')
  return {
    operands: parts.filter((_, i) => i % 2 === 0).map(BigInt),
    operators: parts.filter((_, i) => i % 2 === 1),
  }
}

const apply = (a: bigint, operator: string, b: bigint): bigint => (operator === '+' ? a + b : a - b)

const resultOf = ({ operands, operators }: Sum): bigint =>
  operands.slice(1).reduce((value, operand, i) => apply(value, operators[i]!, operand), operands[0]!)
