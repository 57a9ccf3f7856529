import type { BenchOptions } from './bench-options.ts'
import type { Finding } from './finding.ts'
import { describeMachine } from './measures/machine.ts'
import type { Question } from './questions/questions.ts'
import { writeRun } from './results.ts'

/**
 * Asks the questions one after another and writes what is known after each. One that fails says so in a row of its own, and the
 * others are asked all the same.
 * @returns whether all were answered
 */
export async function runQuestions(
  name: string,
  questions: readonly Question[],
  options: BenchOptions,
  command: string,
): Promise<boolean> {
  const machine = describeMachine()
  const date = new Date().toISOString()
  const findings: Finding[] = []
  let failed = 0
  let markdown = ''
  for (const question of questions) {
    try {
      findings.push(await question.ask(options))
    } catch (error) {
      failed++
      options.say(`${question.name} failed: ${error instanceof Error ? error.stack : error}`)
      findings.push(failure(question.name, error))
    }
    const { quick, rounds } = options
    markdown = await writeRun(name, { date, command, machine, quick, rounds, findings })
  }
  process.stdout.write(`\n${markdown}\n`)
  return failed === 0
}

function failure(question: string, error: unknown): Finding {
  const missing = `${question} failed: ${String(error).split('\n')[0]}`
  const row = { work: question, comparison: '-', unit: 'x', values: [], measured: [], missing }
  return { question, rows: [row], notes: [] }
}
