import { type Command, Option } from 'commander'
import type { Flags } from '../command-line.ts'
import { withEngineFlags, withModelFlags } from '../model-flags.ts'
import { ClientError } from './client-error.ts'
import { GatewayClient } from './gateway-client.ts'
import { startOwnServer } from './own-server.ts'

/** Which server a command asks: a running one, or one of its own, served with these flags. */
export interface ServerFlags extends Omit<Flags, 'host' | 'port' | 'maxRunning'> {
  readonly url?: string
  readonly key?: string
}

export function withServerFlags(command: Command): Command {
  const running = command
    .option(
      '--url <url>',
      'a running server, such as http://127.0.0.1:8080; without it one is started for this command',
    )
    .addOption(new Option('--key <key>', 'the API key for --url').env('TRIMTAB_API_KEY'))
  return withEngineFlags(withModelFlags(running))
}

const serveFlags = ['config', 'model', 'name', 'weights', 'context', 'guide', 'memory', 'threads'] as const

/** Does the work against the server that the flags choose, and ends a server of its own afterwards. */
export async function withServer<Result>(
  flags: ServerFlags,
  work: (client: GatewayClient) => Promise<Result>,
): Promise<Result> {
  const given = serveFlags.filter((flag) => flags[flag] !== undefined)
  if (flags.url !== undefined) {
    if (given.length > 0) throw new ClientError(`--${given[0]} is for a server of our own; leave it out, or --url`)
    return await work(new GatewayClient(flags.url, flags.key))
  }
  const server = await startOwnServer(given.flatMap((flag) => argumentsOf(flag, flags)))
  try {
    return await work(new GatewayClient(server.url, flags.key))
  } finally {
    await server.stop()
  }
}

function argumentsOf(flag: (typeof serveFlags)[number], flags: ServerFlags): readonly string[] {
  const values = [flags[flag]].flat()
  return values.flatMap((value) => [`--${flag}`, String(value)])
}
