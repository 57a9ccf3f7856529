import { type Command, InvalidArgumentError } from 'commander'
import { byteSizePattern } from './byte-size.ts'

/** The options of every command that serves or opens models. */
export function withModelFlags(command: Command): Command {
  return command
    .option('--config <file>', 'YAML configuration; docs/configuration.md lists its keys')
    .option('--model <source>', 'a folder in Hugging Face layout, or a hub id')
    .option('--name <name>', 'what clients call the model (default: the hub id, or the name of the folder)')
    .option('--weights <format>', 'int8 (default), fp32, w8a8 or int4')
    .option('--context <tokens>', 'most tokens of prompt and answer', integer(2))
    .option('--guide <name=[kind:]folder>', 'a PEFT adapter or a guide model; kind is genarm or unir', collect)
}

/** The options of the engine, for commands that serve. */
export function withEngineFlags(command: Command): Command {
  return command
    .option('--memory <size>', 'bound on K/V memory, such as 4GiB', size)
    .option('--threads <number>', 'threads that compute (default: one per core)', integer(1, 1024))
}

/** Bounds are the configuration's, checked here so that the flag is blamed and not the file. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
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

/** For options that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value]
}
