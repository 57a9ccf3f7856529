import { Command, InvalidArgumentError } from 'commander'
import { barsCommand } from './bars-command.ts'
import { guidesCommand } from './guides-command.ts'
import { principleCommand } from './principle-command.ts'

/** `npm run eval -- <command>`: measurements of what guides do, as tables and figures. */
const program = new Command('eval').description('Measure what guides do, through the engine that serves them.')

sampled(program.command('guides'))
  .description('reward against weight for every guide of the embedded family')
  .option('--out <folder>', 'where figures, JSON and table go', 'docs/plots')
  .action(guidesCommand)

sampled(program.command('bars'))
  .description('every bar that the embedded family has to clear, with its verdict')
  .option('--out <file>', 'also write the table as Markdown')
  .action(barsCommand)

program
  .command('principle')
  .description('answers of a real model, steered by a principle at several weights')
  .requiredOption('--model <folder>', 'a folder in Hugging Face layout')
  .option('--principle <text>', 'the instruction', 'Answer in one short sentence.')
  .option('--weights <list>', 'weights to compare, the first one is the reference', numbers, [0, 1.5])
  .option('--questions <file>', 'JSON list of questions', 'eval/questions.json')
  .option('--max-tokens <n>', 'where an answer is cut', count, 200)
  .option('--concurrency <n>', 'questions in flight', count, 8)
  .option('--out <file>', 'also write the table as Markdown')
  .action(principleCommand)

await program.parseAsync()

function sampled(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration of the family', 'models/tiny/trimtab.yaml')
    .option('--samples <n>', 'answers per policy', count, 400)
    .option('--seed <n>', 'of all random numbers', count, 1)
    .option('--concurrency <n>', 'questions in flight', count, 32)
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Give a positive whole number.')
  return value
}

function numbers(text: string): number[] {
  const values = text.split(',').map(Number)
  if (text === '' || !values.every(Number.isFinite)) throw new InvalidArgumentError('Give numbers, as in 0,1.5.')
  return values
}
