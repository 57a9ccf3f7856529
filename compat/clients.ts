import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** What a client's script needs to know. */
export interface Served {
  /** With /v1. */
  readonly url: string
  readonly local: string
  readonly upstream: string
}

export interface Client {
  readonly name: string
  readonly version: string
  readonly command: string
  readonly args: readonly string[]
}

const outcome = z.object({ case: z.string(), outcome: z.enum(['pass', 'fail']), detail: z.string() })
export type Outcome = z.output<typeof outcome>

export const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The version of a package that `npm ci --prefix compat/sdk` has installed. */
export function installedVersion(name: string): string {
  return z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(here(`./sdk/node_modules/${name}/package.json`), 'utf8'))).version
}

/** The clients for Node, and the one for Python where an interpreter that has it is given. */
export function clients(python: { readonly command: string; readonly version: string } | undefined): readonly Client[] {
  const onNode = (name: string, version: string, ...args: readonly string[]): Client => {
    return { name, version, command: process.execPath, args: [here(`./sdk/${args[0]}`), ...args.slice(1)] }
  }
  const [ai, provider] = [installedVersion('ai'), installedVersion('@ai-sdk/openai')]
  return [
    onNode('openai (Node)', installedVersion('openai'), 'openai.mjs'),
    ...(python === undefined
      ? []
      : [{ name: 'openai (Python)', ...python, args: [here('./python/openai_client.py')] }]),
    onNode(
      'AI SDK, openai-compatible',
      `${ai}, ${installedVersion('@ai-sdk/openai-compatible')}`,
      'ai-sdk.mjs',
      'openai-compatible',
    ),
    onNode('AI SDK, openai', `${ai}, ${provider}`, 'ai-sdk.mjs', 'openai'),
    onNode('LangChain.js', installedVersion('@langchain/openai'), 'langchain.mjs'),
  ]
}

/** Runs a client's script to its end. */
export async function runClient({ name, command, args }: Client, served: Served): Promise<readonly Outcome[]> {
  const { url: COMPAT_URL, local: COMPAT_LOCAL, upstream: COMPAT_UPSTREAM } = served
  const env = { ...process.env, COMPAT_URL, COMPAT_LOCAL, COMPAT_UPSTREAM }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${name} ended with ${code}`)
  const lines = printed.split('\n').filter((line) => line.startsWith('{"case":'))
  return lines.map((line) => outcome.parse(JSON.parse(line)))
}
