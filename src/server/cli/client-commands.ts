import { type Command, InvalidArgumentError } from 'commander'
import { collect, integer } from '../model-flags.ts'
import type { ChatFlags } from './chat.ts'
import type { ScoreFlags } from './score.ts'
import { withServerFlags } from './server-choice.ts'

/** The commands that ask a server instead of being one. */
export function addClientCommands(program: Command): void {
  addChat(program)
  addScore(program)
  addEval(program)
}

function addChat(program: Command): void {
  withServerFlags(program.command('chat'))
    .description('Chat in the terminal, and change what steers the answers between them.')
    .option('--talk-to <name>', "a served model or alias (default: the server's first)")
    .option('--weight <guide=number>', 'steer by a guide from the start; may be given several times', collect)
    .option('--policy <name>', 'a preset of the configuration')
    .option('--system <text>', 'the system message')
    .option('--temperature <number>', '0 always takes the most likely token (default 1)', number)
    .option('--seed <number>', 'the same seed gives the same answers', integer(0))
    .option('--max-tokens <number>', 'where an answer is cut', integer(1))
    .addHelpText('after', chatExamples)
    .action(async (flags: ChatFlags) => {
      const { chat } = await import('./chat.ts')
      await chat(flags)
    })
}

const chatExamples = `
Examples:
  trimtab chat                                     the embedded demo family
  trimtab chat --weight positive=0.8 --seed 7
  trimtab chat --url http://127.0.0.1:8080         a server that runs already
  trimtab chat --model HuggingFaceTB/SmolLM2-135M-Instruct

In the chat, /help lists the commands: /weight positive 0.8, /principle 1.5 Be brief., /policy friendly, /again, /reset ...`

function addScore(program: Command): void {
  withServerFlags(program.command('score'))
    .description("Score answers with the configuration's rewards.")
    .argument('[answers...]', 'answers to --prompt')
    .option('--reward <name>', 'the reward, or weights of several: \'{"sentiment": 0.7, "brief": 0.3}\'')
    .option('--prompt <text>', 'what the answers answer')
    .option('--reference <text>', 'a reference answer, for rewards that compare; may be given several times', collect)
    .option('--json', 'one JSON object an answer, with all that the reward says')
    .option(
      '--input <file>',
      'a JSON object a line: prompt or messages, response or responses, perhaps reward; - reads stdin',
    )
    .option('--output <file>', 'where the scored lines of --input go (default: stdout)')
    .option('--list', 'print the names of the rewards')
    .addHelpText('after', scoreExamples)
    .action(async (answers: string[], flags: ScoreFlags) => {
      const { score } = await import('./score.ts')
      await score(answers, flags)
    })
}

const scoreExamples = `
Examples:
  trimtab score --list
  trimtab score --reward sentiment --prompt "Write a review of the Abbey Hotel." "It was lovely." "It was dirty."
  trimtab score --reward sound --input answers.jsonl --output scored.jsonl
  echo '{"prompt": "What is 47 + 7 + 7?", "response": "The answer is 61."}' | trimtab score --reward sound --input -

Lines come back as they were, with reward and score (or scores, for responses) added.`

function addEval(program: Command): void {
  program
    .command('eval')
    .description('Measure what guides and whole-answer methods do, with tables and figures (in a checkout).')
    .argument('[arguments...]', 'the measurement and its options; trimtab eval -- --help lists them')
    .passThroughOptions()
    .addHelpText('after', evalExamples)
    .action(async (args: string[]) => {
      const { evaluate } = await import('./evaluate.ts')
      await evaluate(args)
    })
}

const evalExamples = `
Examples:
  trimtab eval -- --help                           the measurements there are
  trimtab eval guides --samples 100 --out /tmp/plots
  trimtab eval principle --model ./my-model`

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.')
  return value
}
