import { readFileSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { z } from 'zod'
import { parseConfig } from '../src/server/config-file.ts'
import { type Answer, drawAnswer } from './draw-answer.ts'
import { openEvaluatedModel } from './evaluated-model.ts'
import { inFlight } from './in-flight.ts'
import { type AnsweredQuestion, principleReport } from './principle-report.ts'
import { progressBar } from './progress-bar.ts'

export interface PrincipleOptions {
  readonly model: string
  readonly principle: string
  readonly weights: readonly number[]
  readonly questions: string
  readonly maxTokens: number
  readonly concurrency: number
  readonly out?: string
}

/** Asks a real model everyday questions, steered by a principle at each weight, greedily; prints the answers side by side. */
export async function principleCommand(options: PrincipleOptions): Promise<void> {
  const questions = z
    .array(z.string().min(1))
    .min(1)
    .parse(JSON.parse(readFileSync(options.questions, 'utf8')))
  const answered = await askAll(questions, options)
  const report = principleReport(answered, { ...options, model: basename(resolve(options.model)) })
  process.stdout.write(report)
  if (options.out !== undefined) writeFileSync(options.out, report)
}

async function askAll(questions: readonly string[], options: PrincipleOptions): Promise<readonly AnsweredQuestion[]> {
  const { principle, weights, maxTokens, concurrency } = options
  const config = parseConfig({ models: { model: { path: resolve(options.model) } } }, '--model')
  const model = await openEvaluatedModel(config)
  const limit = inFlight(concurrency)
  const bar = progressBar()
  bar.start(questions.length * weights.length, 0)
  const ask = (prompt: string, weight: number): Promise<Answer> =>
    limit(async () => {
      const alignment = { guides: [{ principle, weight }] }
      const answer = await drawAnswer(model, { prompt, alignment, temperature: 0, seed: 0n, maxTokens })
      bar.increment()
      return answer
    })
  try {
    const rows = questions.map(async (question) => {
      return { question, answers: await Promise.all(weights.map((weight) => ask(question, weight))) }
    })
    return await Promise.all(rows)
  } finally {
    bar.stop()
    await model.close()
  }
}
