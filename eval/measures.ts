import type { Cell } from './cell.ts'
import type { Answer } from './draw-answer.ts'
import type { Grammar } from './grammar.ts'
import { grammarChecker } from './grammar-checker.ts'
import type { HeldOut, SumMeta, Topic } from './held-out.ts'
import { type Interval, meanInterval, shareInterval } from './interval.ts'
import type { Answers } from './run-cells.ts'
import { checkSum } from './sum-checker.ts'

/** One answer's measures by name; verdicts are shares in the making. */
export type Row = Readonly<Record<string, number | boolean>>

/** Every cell's rows, row i being the answer to prompt i. */
export type Measured = ReadonlyMap<string, readonly Row[]>

/** The columns of each topic's table. */
export const columns = {
  talk: ['positivity', 'formality', 'sentences', 'wellFormed', 'onSubject', 'tokens', 'kl'],
  sums: ['sound', 'right', 'rightSteps', 'wellFormed', 'tokens', 'kl'],
} as const satisfies Readonly<Record<Topic, readonly string[]>>

/** Measures all answers by the grammar's rules. */
export function measure(cells: readonly Cell[], answers: Answers, heldOut: HeldOut, grammar: Grammar): Measured {
  const checker = grammarChecker(grammar)
  const judges = {
    talk: (text: string, index: number) => ({ ...checker.judge(text, at(heldOut.talk, index).meta) }),
    sums: (text: string, index: number) => judgeSum(text, at(heldOut.sums, index).meta),
  }
  return new Map(
    cells.map(({ name, topic }) => {
      const rows = answers.get(name)!.map((answer, i) => ({ ...judges[topic](answer.text, i), ...costs(answer) }))
      return [name, rows]
    }),
  )
}

function at<Item>(rows: readonly Item[], index: number): Item {
  return rows[index % rows.length]!
}

function judgeSum(text: string, meta: SumMeta): Row {
  const { steps, sound, right, wellFormed } = checkSum(text, meta)
  return { sound, right, wellFormed, rightSteps: steps.filter(Boolean).length / Math.max(1, steps.length) }
}

/** `kl`: log ratio of the answer's probabilities, whose mean estimates KL(policy || base) in nats per answer. */
function costs({ tokens, logprob, baseLogprob }: Answer): Row {
  return { tokens, kl: logprob - baseLogprob }
}

/** One measure of one cell with its interval. */
export function summarise(rows: readonly Row[], column: string): Interval {
  const values = rows.map((row) => row[column]!)
  if (values.every((value) => typeof value === 'boolean')) return shareInterval(values)
  return meanInterval(values.map(Number))
}
