#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { env } from 'node:process'
import { Command, InvalidArgumentError } from 'commander'
import { CheckpointError } from '../decoding/errors.ts'
import { byteSizePattern } from './byte-size.ts'
import { configFromFlags, type Flags } from './command-line.ts'
import { configReference, configSchemaFile } from './config-docs.ts'
import { EngineLoadError } from './engine.ts'
import { cacheFolder } from './engine-setup.ts'
import { ConfigError } from './environment-references.ts'
import { packageVersion } from './package-version.ts'

// The commands load what they need only when they run: the HTTP process never holds a tokenizer.
const program = new Command('trimtab').description(
  'Inference-time alignment gateway: small reward models steer a frozen language model while it decodes.',
)

program.version(packageVersion, '--version', 'print the version')

withModelFlags(program.command('serve'))
  .description('Serve an OpenAI-compatible API; without --model and --config, the embedded demo family.')
  .option('--host <address>', 'address to listen on (default 127.0.0.1)')
  .option('--port <number>', 'port to listen on (default 8080); 0 takes a free one', integer(0, 65_535))
  .option('--memory <size>', 'bound on K/V memory, such as 4GiB', size)
  .option('--threads <number>', 'threads that compute (default: one per core)', integer(1, 1024))
  .option('--max-running <number>', 'most sequences decoded together (default 64)', integer(1))
  .action(async (flags: Flags) => {
    const { serve } = await import('./serve.ts')
    const read = () => configFromFlags(flags, env)
    await serve(read(), env, flags.config === undefined ? undefined : read)
  })

withModelFlags(program.command('check'))
  .description('Check a configuration and the headers of everything it names, without serving.')
  .action(async (flags: Flags) => {
    const { check } = await import('./check.ts')
    process.stdout.write(await check(configFromFlags(flags, env), env))
  })

program
  .command('pull')
  .description('Download a model from the Hugging Face hub into the cache.')
  .argument('<id>', 'such as HuggingFaceTB/SmolLM2-135M-Instruct')
  .action(async (id: string) => {
    const { pull } = await import('./pull.ts')
    process.stdout.write(`${await pull(id, cacheFolder(), env)}\n`)
  })

program
  .command('key')
  .description('Make an API key: prints it once, with the hash that belongs into the configuration.')
  .argument('[name]', 'what the key is called in the configuration', 'my-key')
  .option('--stdin', 'hash the key that is read from standard input instead of making one')
  .action(async (name: string, { stdin }: { readonly stdin?: boolean }) => {
    const { describeKey } = await import('./keys/describe-key.ts')
    process.stdout.write(describeKey(name, stdin ? readFileSync(0, 'utf8').trim() : undefined))
  })

program
  .command('config-docs')
  .description('Print the reference of the configuration file.')
  .action(() => void process.stdout.write(configReference()))

program
  .command('config-schema')
  .description('Print the JSON Schema of the configuration file, for editors.')
  .action(() => void process.stdout.write(configSchemaFile()))

try {
  await program.parseAsync()
} catch (error) {
  // These say what to change; anything else is our mistake and keeps its stack.
  const told =
    [ConfigError, CheckpointError, EngineLoadError].some((kind) => error instanceof kind) || isSystemError(error)
  process.stderr.write(`${told ? (error as Error).message : (error as Error).stack}\n`)
  process.exit(1)
}

function withModelFlags(command: Command): Command {
  return command
    .option('--config <file>', 'YAML configuration; docs/configuration.md lists its keys')
    .option('--model <source>', 'a folder in Hugging Face layout, or a hub id')
    .option('--name <name>', 'what clients call the model (default: the hub id, or the name of the folder)')
    .option('--weights <format>', 'int8 (default), fp32, w8a8 or int4')
    .option('--context <tokens>', 'most tokens of prompt and answer', integer(2))
    .option('--guide <name=[kind:]folder>', 'a PEFT adapter or a guide model; kind is genarm or unir', collect)
}

/** Bounds are the configuration's, checked here so that the flag is blamed and not the file. */
function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`It must be a whole number ${bounds}.`)
  }
}

function size(text: string): string {
  if (!byteSizePattern.test(text)) throw new InvalidArgumentError('A size is like "512MiB" or "4GiB".')
  return text
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}

/** Such as a port that is taken. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
