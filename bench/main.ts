import { homedir } from 'node:os'
import { join } from 'node:path'
import { env } from 'node:process'
import { Command, InvalidArgumentError } from 'commander'
import { type BenchOptions, everyCore } from './bench-options.ts'
import { benchProxy } from './proxy.ts'
import { benchModes } from './questions/modes.ts'
import { type Question, questions } from './questions/questions.ts'
import { benchSoak } from './questions/soak.ts'
import { benchStreaming } from './questions/streaming.ts'
import { report } from './report.ts'
import { resultsFolder } from './results.ts'
import { runQuestions } from './run-questions.ts'

const program = new Command('bench').description('Measurements of trimtab beside its rivals; servers stay on loopback')

for (const question of questions) askedBy(program.command(question.name).description(question.description), [question])
askedBy(program.command('all').description('all of the above, one table'), questions)

program
  .command('report')
  .description('puts the tables and figures of a run into docs/performance.md')
  .argument('[files...]', 'results; of several, later ones replace answers to the same questions', [
    join(resultsFolder, 'all.json'),
  ])
  .action(report)

program
  .command('streaming')
  .description('event-loop lag of the HTTP process and time between chunks while sequences decode')
  .option('--model <folder>', 'a model; without it the embedded family')
  .option('--streams <n>', 'parallel streams', Number, 8)
  .option('--seconds <n>', 'how long', Number, 20)
  .action(benchStreaming)

program
  .command('soak')
  .description('mixed requests, a fifth aborted midway: errors, memory of both processes, K/V blocks')
  .option('--requests <n>', 'requests in all', positive, 2000)
  .option('--minutes <n>', 'how long, instead of how many requests', positive)
  .option('--parallel <n>', 'requests at a time', positive, 16)
  .option('--rate <n>', 'requests started a second (default: as many as are answered)', positive)
  .option('--config <file>', 'a configuration; without it the embedded family')
  .action(benchSoak)

program
  .command('proxy')
  .description(
    'what passing through adds, at a constant rate over an engine that answers at once, beside direct calls and rivals',
  )
  .option('--rate <n>', 'requests per second', Number, 200)
  .option('--seconds <n>', 'of each round', Number, 10)
  .option('--rounds <n>', 'rounds, alternating', Number, 3)
  .option('--engine-port <n>', 'port of the engine, for rivals to point at', Number, 0)
  .option('--rival <json>', '{"name", "url", "pid", "headers"} of a proxy before that port', collect, [])
  .action(benchProxy)

program
  .command('modes')
  .description('which way of guiding an upstream engine is the fastest when, over an engine that only takes its time')
  .option('--tokens <n>', 'tokens of each answer', positive, 400)
  .action(benchModes)

await program.parseAsync()

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}

type Flags = Omit<BenchOptions, 'say' | 'rounds' | 'llama' | 'gguf' | 'python' | 'onnx'> & {
  readonly rounds?: number
  readonly llama?: string
  readonly gguf?: string
  readonly python?: string
  readonly onnx?: string
}

function askedBy(command: Command, asked: readonly Question[]): void {
  command
    .requiredOption(
      '--model <folder>',
      'SmolLM2-135M-Instruct in Hugging Face layout (or TRIMTAB_REAL_MODEL)',
      env['TRIMTAB_REAL_MODEL'],
    )
    .option('--llama <folder>', "folder of llama.cpp's programs (or TRIMTAB_LLAMA_BIN)", env['TRIMTAB_LLAMA_BIN'])
    .option(
      '--gguf <file>',
      'the model as GGUF; Q8_0 is made from other formats (or TRIMTAB_BENCH_GGUF)',
      env['TRIMTAB_BENCH_GGUF'],
    )
    .option(
      '--python <program>',
      'Python with torch and transformers (or TRIMTAB_BENCH_PYTHON)',
      env['TRIMTAB_BENCH_PYTHON'],
    )
    .option(
      '--onnx <folder>',
      'the model as transformers.js reads it (or TRIMTAB_BENCH_ONNX)',
      env['TRIMTAB_BENCH_ONNX'],
    )
    .option('--rounds <n>', 'rounds in which all contestants take their turn (default 5; 1 with --quick)', positive)
    .option('--threads <n>', 'threads of every contestant', positive, everyCore)
    .option(
      '--work <folder>',
      'where made checkpoints and prepared graphs are kept',
      join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'trimtab-bench'),
    )
    .option('--quick', 'short runs that show that everything works', false)
    .action(async (flags: Flags) => {
      const answered = await runQuestions(command.name(), asked, optionsOf(flags), commandLine())
      if (!answered) process.exitCode = 1
    })
}

function optionsOf(flags: Flags): BenchOptions {
  const { llama, gguf, python, onnx, rounds = flags.quick ? 1 : 5 } = flags
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  return { ...flags, llama, gguf, python, onnx, rounds, say }
}

/** What was typed, with every folder cut to its last part: results are shown to others. */
function commandLine(): string {
  const words = process.argv.slice(2).map((word) => word.replace(/^.*\/(?=[^/])/, ''))
  return ['npm run bench --', ...words].join(' ')
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('It must be a whole number of at least 1.')
}
