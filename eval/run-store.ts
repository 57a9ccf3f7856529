import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Run, runSchema } from './draw-run.ts'
import type { Policy } from './policy.ts'

const lineSchema = z.object({ index: z.int(), prompt: z.string(), run: runSchema })

/** What, beside the policy and the prompt, decides an answer. */
export interface RunConditions {
  readonly task: string
  readonly seed: number
  readonly maxTokens: number
  /** Of the weights and rewards involved. */
  readonly fingerprint: string
}

/** Answers on disk, one line each as soon as it is drawn: an interrupted run loses only what was under way. */
export class RunStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** The answers kept of one policy; those of other prompts at the same place are not among them. */
  open(policy: Policy, conditions: RunConditions, prompts: readonly string[]): KeptRuns {
    const key = createHash('sha256')
      .update(JSON.stringify([policy.alignment, policy.temperature, policy.stream, conditions]))
      .digest('hex')
      .slice(0, 16)
    const name = `${conditions.task}-${policy.name}`.replace(/[^\w.-]+/g, '-')
    return new KeptRuns(join(this.#folder, `${name}-${key}.jsonl`), prompts)
  }
}

export class KeptRuns {
  readonly #file: string
  readonly #prompts: readonly string[]
  readonly #runs = new Map<number, Run>()

  constructor(file: string, prompts: readonly string[]) {
    this.#file = file
    this.#prompts = prompts
    if (!existsSync(file)) return
    const text = readFileSync(file, 'utf8')
    for (const line of text.split('\n')) this.#keep(line)
    // What was cut off in the middle must not swallow the next line.
    if (!text.endsWith('\n')) appendFileSync(file, '\n')
  }

  get(index: number): Run | undefined {
    return this.#runs.get(index)
  }

  add(index: number, run: Run): void {
    appendFileSync(this.#file, `${JSON.stringify({ index, prompt: this.#prompts[index], run })}\n`)
  }

  #keep(line: string): void {
    if (line === '') return
    const parsed = lineSchema.safeParse(parseJson(line))
    if (!parsed.success) return
    const { index, prompt, run } = parsed.data
    if (this.#prompts[index] === prompt) this.#runs.set(index, run)
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
