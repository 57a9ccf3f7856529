import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type ChildOptions, collect, startChild, stopChild } from './child.ts'

/** A program that answers one line of JSON with one line of JSON, in order; its first line says that it is ready. */
export interface LineWorker {
  readonly pid: number
  /** What it said of itself when it was ready. */
  readonly hello: unknown
  ask(question: object): Promise<unknown>
  stop(): Promise<void>
}

/** @throws Error with what the program complained of when it ends before it is ready, or midway */
export async function startLineWorker(
  program: string,
  parameters: readonly string[],
  options: ChildOptions = {},
): Promise<LineWorker> {
  const child = startChild(program, parameters, options)
  const complaints = collect(child.stderr)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = new Error(`${program} ended`)
  child.once('error', (error) => {
    ended.message = `${program} could not be started: ${error.message}`
  })
  const nextObject = async (): Promise<unknown> => {
    while (true) {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`${ended.message}: ${complaints().slice(-2000)}`)
      // libraries print to standard output too
      if (value.startsWith('{')) return JSON.parse(value)
    }
  }
  const hello = await nextObject()
  return {
    pid: child.pid!,
    hello,
    async ask(question) {
      if (!child.stdin.write(`${JSON.stringify(question)}\n`)) await once(child.stdin, 'drain')
      return await nextObject()
    },
    stop: () => stopChild(child),
  }
}
