import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Cell } from './cell.ts'
import type { Answer } from './draw-answer.ts'

const answerSchema = z.array(
  z.object({
    text: z.string(),
    tokens: z.int(),
    finished: z.boolean(),
    logprob: z.number(),
    baseLogprob: z.number(),
  }),
)

/** What, beside the cell, decides its answers. */
export interface CellConditions {
  readonly prompts: readonly string[]
  readonly seed: number
  /** Of the weights involved. */
  readonly fingerprint: string
}

/** Finished cells on disk, so that an interrupted or repeated run does only what is missing. */
export class CellStore {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  read(cell: Cell, conditions: CellConditions): readonly Answer[] | undefined {
    const file = this.#fileOf(cell, conditions)
    return existsSync(file) ? answerSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined
  }

  write(cell: Cell, conditions: CellConditions, answers: readonly Answer[]): void {
    const file = this.#fileOf(cell, conditions)
    writeFileSync(`${file}.part`, JSON.stringify(answers))
    renameSync(`${file}.part`, file)
  }

  #fileOf(cell: Cell, conditions: CellConditions): string {
    const key = createHash('sha256')
      .update(JSON.stringify([cell, conditions]))
      .digest('hex')
      .slice(0, 16)
    return join(this.#folder, `${cell.name.replace(/[^\w.-]+/g, '-')}-${key}.json`)
  }
}
