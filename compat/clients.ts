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

/** Python with the packages of compat/python/requirements.txt. */
export interface Python {
  readonly command: string
  readonly openai: string
  readonly litellm: string
}

/** The clients for Node, and those for Python where an interpreter that has them is given. */
export function clients(python: Python | undefined): readonly Client[] {
  const onNode = (name: string, version: string, ...args: readonly string[]): Client => {
    return { name, version, command: process.execPath, args: [here(`./sdk/${args[0]}`), ...args.slice(1)] }
  }
  const ai = installedVersion('ai')
  const compatible = `${ai}, ${installedVersion('@ai-sdk/openai-compatible')}`
  return [
    onNode('openai (Node)', installedVersion('openai'), 'openai.mjs'),
    ...(python === undefined ? [] : pythonClients(python)),
    onNode('AI SDK, openai-compatible', compatible, 'ai-sdk.mjs', 'openai-compatible'),
    onNode('AI SDK, openai', `${ai}, ${installedVersion('@ai-sdk/openai')}`, 'ai-sdk.mjs', 'openai'),
    onNode('LangChain.js', installedVersion('@langchain/openai'), 'langchain.mjs'),
  ]
}

function pythonClients({ command, openai, litellm }: Python): readonly Client[] {
  return [
    { name: 'openai (Python)', version: openai, command, args: [here('./python/openai_client.py')] },
    { name: 'LiteLLM', version: litellm, command, args: [here('./python/litellm_client.py')] },
  ]
}

/** Runs a client's script to its end. */
export async function runClient({ name, command, args }: Client, served: Served): Promise<readonly Outcome[]> {
  const { url: COMPAT_URL, local: COMPAT_LOCAL, upstream: COMPAT_UPSTREAM } = served
  // LiteLLM asks the internet for prices otherwise.
  const env = { ...process.env, COMPAT_URL, COMPAT_LOCAL, COMPAT_UPSTREAM, LITELLM_LOCAL_MODEL_COST_MAP: 'True' }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${name} ended with ${code}`)
  const lines = printed.split('\n').filter((line) => line.startsWith('{"case":'))
  return lines.map((line) => outcome.parse(JSON.parse(line)))
}
