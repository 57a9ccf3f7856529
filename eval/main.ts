import { Command, InvalidArgumentError } from 'commander'
import { arithmeticCommand } from './arithmetic-command.ts'
import { barsCommand } from './bars-command.ts'
import { bestOfCommand } from './best-of-command.ts'
import { guidesCommand } from './guides-command.ts'
import { particlesCommand } from './particles-command.ts'
import { principleCommand } from './principle-command.ts'
import { reasonerWeightCommand } from './reasoner-weight-command.ts'
import { type Setting, settings, streamingStartCommand } from './streaming-start-command.ts'

/** `npm run eval -- <command>`: measurements of what guides and whole-answer methods do, as tables and figures. */
const program = new Command('eval').description(
  'Measure what guides and whole-answer methods do, through the engine that serves them.',
)

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

asked(program.command('best-of'), { samples: 60, name: 'best-of' })
  .description("best-of-N's reward and KL over n, beside what its law foretells from the base's own samples")
  .option('--pool <n>', "the base's samples of each prompt that the curves come from", count, 64)
  .option('--sizes <list>', 'values of n', counts, [1, 2, 4, 8, 16, 32])
  .action(bestOfCommand)

asked(program.command('particles'), { samples: 150, name: 'particles' })
  .description('particles against best-of-N at equal decoded tokens, prompt by prompt')
  .option('--particles <list>', 'numbers of particles', counts, [4, 8])
  .option('--lambda <x>', "how strongly the reward counts; absent: the task's own", Number)
  .action(particlesCommand)

asked(program.command('arithmetic'), { samples: 200, name: 'arithmetic-methods' })
  .description('sums worked out by guide, best-of-N, particles, search and together')
  .option('--reasoner-weight <x>', "the reasoner's where its answers are chosen among, beside 1", Number, 0.5)
  .option('--sums <file>', "other sums than the family's held-out ones")
  .option('--methods <list>', 'only these, by the names in the table', words)
  .action(arithmeticCommand)

asked(program.command('reasoner-weight'), { samples: 200, name: 'reasoner-weight' })
  .description('best of 8 with the reasoner at several weights, on sums to choose the weight by')
  .option('--weights <list>', 'weights of the reasoner', numbers, [0.3, 0.5, 0.7, 1])
  .option('--development <file>', 'sums that nothing is tested on', 'training/development-sums.json')
  .action(reasonerWeightCommand)

asked(program.command('streaming-start'), { samples: 100, name: 'streaming-start' })
  .description('how soon particles begin to stream (4 of them, judged every 8 tokens)')
  .option('--settings <list>', `only these of ${Object.keys(settings).join(', ')}`, particleSettings)
  .action(streamingStartCommand)

await program.parseAsync()

/** Options of the commands that compare whole answers, on the embedded family or any other model and prompts. */
function asked(command: Command, { samples, name }: { readonly samples: number; readonly name: string }): Command {
  return command
    .option('--config <file>', 'the configuration; its first served model answers', 'models/tiny/trimtab.yaml')
    .option('--prompts <file>', "JSON list of prompts; absent: the family's held-out ones beside the configuration")
    .option('--rewards <list>', 'with --prompts: what judges, each on its own', words)
    .option('--tasks <list>', 'only these of sums, reviews, formality (or of --rewards)', words)
    .option('--samples <n>', 'prompts of each task', count, samples)
    .option('--max-tokens <n>', "where an answer is cut; absent: above the family's longest, otherwise 64", count)
    .option('--seed <n>', 'of all random numbers', count, 1)
    .option('--concurrency <n>', 'prompts in flight, each with all its candidates', count, 8)
    .option('--out <folder>', 'where figure, JSON and table go', 'docs/plots')
    .option('--name <name>', 'of the files', name)
}

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

function counts(text: string): number[] {
  return text.split(',').map(count)
}

function particleSettings(text: string): Setting[] {
  const known = Object.keys(settings) as Setting[]
  return text.split(',').map((key) => {
    const setting = known.find((name) => name === key)
    if (setting === undefined) throw new InvalidArgumentError(`Give some of ${known.join(', ')}.`)
    return setting
  })
}

function words(text: string): string[] {
  return text.split(',').filter((word) => word !== '')
}
