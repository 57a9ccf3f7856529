import { childSeed } from '../src/decoding/rng.ts'
import type { Cell } from './cell.ts'
import type { CellStore } from './cell-store.ts'
import { type Answer, drawAnswer } from './draw-answer.ts'
import type { EvaluatedModel } from './evaluated-model.ts'
import { cycle, type HeldOut } from './held-out.ts'
import { inFlight } from './in-flight.ts'
import { progressBar } from './progress-bar.ts'

/** Above any answer of the grammar; whatever is longer is not well-formed anyway. */
const maxTokens = { talk: 200, sums: 80 } as const

export interface RunOptions {
  readonly samples: number
  readonly seed: number
  /** Questions asked at a time; their forward passes are shared. */
  readonly concurrency: number
}

/** Answers by cell name; answer i of every cell is to prompt i, with the same random numbers. */
export type Answers = ReadonlyMap<string, readonly Answer[]>

/** Samples all cells, those of the store excepted, and stores each as soon as it is complete. */
export async function runCells(
  model: EvaluatedModel,
  cells: readonly Cell[],
  heldOut: HeldOut,
  { store, options }: { readonly store: CellStore; readonly options: RunOptions },
): Promise<Answers> {
  const { samples, seed, concurrency } = options
  const promptsOf = ({ topic }: Cell) => cycle<{ readonly prompt: string }>(heldOut[topic], samples)
  const conditionsOf = (cell: Cell) => ({
    seed,
    fingerprint: model.fingerprint(cell.alignment),
    prompts: promptsOf(cell).map(({ prompt }) => prompt),
  })
  const found = new Map(cells.map((cell) => [cell, store.read(cell, conditionsOf(cell))] as const))
  const limit = inFlight(concurrency)
  const bar = progressBar()
  bar.start(cells.length * samples, [...found.values()].filter((answers) => answers !== undefined).length * samples)
  const ask = (cell: Cell, prompt: string, index: number) =>
    limit(async () => {
      const { topic, alignment, temperature } = cell
      const question = { prompt, alignment, temperature, seed: childSeed(BigInt(seed), index) }
      const answer = await drawAnswer(model, { ...question, maxTokens: maxTokens[topic] })
      bar.increment()
      return answer
    })
  const run = async (cell: Cell) => {
    const known = found.get(cell)
    if (known !== undefined) return known
    const answers = await Promise.all(promptsOf(cell).map(({ prompt }, index) => ask(cell, prompt, index)))
    store.write(cell, conditionsOf(cell), answers)
    return answers
  }
  try {
    return new Map(await Promise.all(cells.map(async (cell) => [cell.name, await run(cell)] as const)))
  } finally {
    bar.stop()
  }
}
