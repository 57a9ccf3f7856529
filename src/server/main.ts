#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { env } from 'node:process'
import { Command } from 'commander'
import { CheckpointError } from '../decoding/errors.ts'
import { addClientCommands } from './cli/client-commands.ts'
import { ClientError } from './cli/client-error.ts'
import { configFromFlags, type Flags } from './command-line.ts'
import { configReference, configSchemaFile } from './config-docs.ts'
import { closeDeadTerminals } from './dead-terminals.ts'
import { EngineLoadError } from './engine.ts'
import { cacheFolder } from './engine-setup.ts'
import { ConfigError } from './environment-references.ts'
import { integer, withEngineFlags, withModelFlags } from './model-flags.ts'
import { packageVersion } from './package-version.ts'

// The commands load what they need only when they run: the HTTP process never holds a tokenizer.
const program = new Command('trimtab').description(
  'Inference-time alignment gateway: small reward models steer a frozen language model while it decodes.',
)
// Options behind the name of a command are the command's own: `eval` hands its on.
program.enablePositionalOptions()
program.addHelpText(
  'after',
  `
Start here:
  trimtab serve                 the OpenAI API on http://127.0.0.1:8080, with requests to paste
  trimtab chat                  or a chat in the terminal
  trimtab <command> --help      what a command takes, with examples`,
)

program.version(packageVersion, '--version', 'print the version')

withEngineFlags(withModelFlags(program.command('serve')))
  .description('Serve an OpenAI-compatible API; without --model and --config, the embedded demo family.')
  .option('--host <address>', 'address to listen on (default 127.0.0.1)')
  .option('--port <number>', 'port to listen on (default 8080); 0 takes a free one', integer(0, 65_535))
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

addClientCommands(program)

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

closeDeadTerminals()
try {
  await program.parseAsync()
} catch (error) {
  // These say what to change; anything else is our mistake and keeps its stack.
  const told =
    [ConfigError, CheckpointError, ClientError, EngineLoadError].some((kind) => error instanceof kind) ||
    isSystemError(error)
  process.stderr.write(`${told ? (error as Error).message : (error as Error).stack}\n`)
  process.exit(1)
}

/** Such as a port that is taken. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
