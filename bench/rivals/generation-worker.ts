import { z } from 'zod'
import type { ChildOptions } from '../child.ts'
import { type LineWorker, startLineWorker } from '../line-worker.ts'

/** A rival that generates from token ids in a process of its own. */
export interface GenerationWorker {
  readonly pid: number
  /** What it says of its versions. */
  readonly version: string
  /** Draws `newTokens` tokens behind each prompt, all of one length. */
  generate(prompts: readonly (readonly number[])[], newTokens: number, more?: object): Promise<GenerationTimes>
  stop(): Promise<void>
}

/** Seconds of the whole call, and of what came after the first token of each answer. */
export interface GenerationTimes {
  readonly seconds: number
  readonly decodeSeconds: number
}

const hello = z.object({ ready: z.literal(true), version: z.string() })
const times = z.object({ seconds: z.number().positive(), decode_seconds: z.number().positive(), tokens: z.number() })

export async function startGenerationWorker(
  program: string,
  parameters: readonly string[],
  options: ChildOptions = {},
): Promise<GenerationWorker> {
  const worker: LineWorker = await startLineWorker(program, parameters, options)
  const greeting = hello.safeParse(worker.hello)
  if (!greeting.success) {
    await worker.stop()
    throw new Error(`${program} did not say that it is ready: ${JSON.stringify(worker.hello)}`)
  }
  return {
    pid: worker.pid,
    version: greeting.data.version,
    async generate(prompts, newTokens, more = {}) {
      const answer = times.parse(await worker.ask({ prompts, new_tokens: newTokens, ...more }))
      if (answer.tokens !== prompts.length * newTokens)
        throw new Error(`${program} drew ${answer.tokens} tokens, not ${prompts.length * newTokens}`)
      return { seconds: answer.seconds, decodeSeconds: answer.decode_seconds }
    },
    stop: () => worker.stop(),
  }
}
