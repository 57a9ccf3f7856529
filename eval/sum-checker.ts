import type { SumMeta } from './held-out.ts'

/** What the rules of arithmetic say of a sum worked out in steps. */
export interface SumVerdict {
  /** Nothing but steps, as many as the problem has operators, and the answer. */
  readonly wellFormed: boolean
  /** One verdict per step found, also in a text that is not well-formed. */
  readonly steps: readonly boolean[]
  readonly answer: number | undefined
  /** The answer is the problem's. */
  readonly right: boolean
  /** Well-formed, right, and every step right. */
  readonly sound: boolean
}

const step = /([0-9]+) ([+-]) ([0-9]+) = ([0-9]+)\./g
const whole = /^(?:[0-9]+ [+-] [0-9]+ = [0-9]+\. )+The answer is [0-9]+\.$/
const conclusion = /The answer is ([0-9]+)\./

/** Judges a worked sum. A step is right when it takes up the value written before it, right or wrong, and computes correctly. */
export function checkSum(text: string, meta: SumMeta): SumVerdict {
  const steps = checkSteps(text, meta)
  const written = conclusion.exec(text)?.[1]
  const answer = written === undefined ? undefined : Number(written)
  const wellFormed = whole.test(text) && steps.length === meta.operators.length
  const right = answer === meta.answer
  return { wellFormed, steps, answer, right, sound: wellFormed && right && steps.every(Boolean) }
}

function checkSteps(text: string, { operands, operators }: SumMeta): readonly boolean[] {
  // BigInt, because nothing bounds the number of digits a model writes.
  let value = BigInt(operands[0]!)
  return [...text.matchAll(step)].map(([, a, operator, b, result], i) => {
    const [left, right, written] = [BigInt(a!), BigInt(b!), BigInt(result!)]
    const takesUp = left === value && operator === operators[i] && right === BigInt(operands[i + 1] ?? -1)
    value = written
    return takesUp && written === (operator === '+' ? left + right : left - right)
  })
}
