import { dirname, join } from 'node:path'
import { readConfigFile } from '../src/server/config-file.ts'
import { cacheFolder } from '../src/server/engine-setup.ts'
import type { Cell } from './cell.ts'
import { CellStore } from './cell-store.ts'
import { type EvaluatedModel, openEvaluatedModel } from './evaluated-model.ts'
import { type Grammar, readGrammar } from './grammar.ts'
import { type HeldOut, readHeldOut } from './held-out.ts'
import { type Measured, measure } from './measures.ts'
import { type Answers, type RunOptions, runCells } from './run-cells.ts'

/** A family under evaluation: its model with guides, its grammar, and prompts that it was not trained on. */
export interface EvaluationRun {
  readonly model: EvaluatedModel
  readonly grammar: Grammar
  readonly heldOut: HeldOut
  sample(cells: readonly Cell[]): Promise<{ readonly answers: Answers; readonly measured: Measured }>
}

/** Loads what the configuration names; grammar and prompts lie in the same folder. */
export async function openEvaluationRun(configFile: string, options: RunOptions): Promise<EvaluationRun> {
  const folder = dirname(configFile)
  const config = readConfigFile(configFile, process.env)
  const [grammar, heldOut] = [readGrammar(folder), readHeldOut(folder)]
  const model = await openEvaluatedModel(config)
  const store = new CellStore(join(cacheFolder(config), 'eval'))
  return {
    model,
    grammar,
    heldOut,
    async sample(cells) {
      const answers = await runCells(model, cells, heldOut, { store, options })
      return { answers, measured: measure(cells, answers, heldOut, grammar) }
    },
  }
}
