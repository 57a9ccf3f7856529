import type { Answer } from './draw-answer.ts'
import { bootstrapInterval, mean } from './interval.ts'
import { markdownTable } from './markdown.ts'

export interface AnsweredQuestion {
  readonly question: string
  /** One answer per weight, in the order of the weights. */
  readonly answers: readonly Answer[]
}

export interface PrincipleConditions {
  readonly model: string
  readonly principle: string
  readonly weights: readonly number[]
  readonly maxTokens: number
}

/** The answers side by side, with what the principle did to their length. */
export function principleReport(answered: readonly AnsweredQuestion[], conditions: PrincipleConditions): string {
  const { model, principle, weights, maxTokens } = conditions
  const summary = markdownTable(
    [
      'weight',
      'tokens per answer',
      'shorter than at the first weight',
      `answers that ended before ${maxTokens} tokens`,
    ],
    weights.map((weight, column) => [`${weight}`, ...lengths(answered, column)]),
  )
  const answers = markdownTable(
    ['question', ...weights.map((weight) => `weight ${weight}`)],
    answered.map(({ question, answers }) => [question, ...answers.map(show)]),
  )
  return [
    `# ${model} under the principle "${principle}"`,
    `${answered.length} questions, temperature 0, \`int8\` weights, at most ${maxTokens} tokens; weight 0 is the model itself. Made by \`npm run eval -- principle\`.`,
    summary,
    `The answers, with their tokens. Beyond ${shownWords} words they are cut here ("[…]").`,
    answers,
    '',
  ].join('\n\n')
}

function lengths(answered: readonly AnsweredQuestion[], column: number): readonly string[] {
  const tokens = (at: number) => answered.map(({ answers }) => answers[at]!.tokens)
  const [own, first] = [tokens(column), tokens(0)]
  const over = (values: readonly number[], indices: readonly number[]) => mean(indices.map((index) => values[index]!))
  const shorter = bootstrapInterval(answered.length, (indices) => 1 - over(own, indices) / over(first, indices))
  const percent = (value: number) => `${Math.round(100 * value)} %`
  return [
    mean(own).toFixed(1),
    column === 0 ? '' : `${percent(shorter.estimate)} [${percent(shorter.low)}, ${percent(shorter.high)}]`,
    `${answered.filter(({ answers }) => answers[column]!.finished).length} of ${answered.length}`,
  ]
}

const shownWords = 80

function show({ text, tokens, finished }: Answer): string {
  const words = text.trim().split(/(?<=\s)/)
  const shown = words.slice(0, shownWords).join('').trimEnd()
  const end = words.length > shownWords ? ' […]' : finished ? '' : ' …'
  return `${shown}${end} *(${tokens})*`
}
