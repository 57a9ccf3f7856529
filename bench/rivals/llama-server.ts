import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { collect, startChild, stopChild } from '../child.ts'
import type { LlamaCpp } from './llama-cpp.ts'

export interface LlamaServer {
  readonly url: string
  stop(): Promise<void>
}

/** A llama-server on a free loopback port with a slot for each answer. */
export async function startLlamaServer(
  { programs, gguf }: LlamaCpp,
  { threads, slots, context }: { readonly threads: number; readonly slots: number; readonly context: number },
): Promise<LlamaServer> {
  const port = await freePort()
  const parameters = ['-m', gguf, '--host', '127.0.0.1', '--port', `${port}`, '-t', `${threads}`]
  const shape = ['-c', `${slots * context}`, '--parallel', `${slots}`]
  const child = startChild(programs.program('llama-server'), [...parameters, ...shape], { env: programs.env })
  const complaints = collect(child.stderr)
  child.stdout.resume()
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; ; attempt++) {
    if (child.exitCode !== null) throw new Error(`llama-server ended: ${complaints().slice(-2000)}`)
    const answers = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    )
    if (answers) return { url, stop: () => stopChild(child) }
    if (attempt === 600) {
      await stopChild(child)
      throw new Error(`llama-server is not ready after two minutes: ${complaints().slice(-2000)}`)
    }
    await wait(200)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
