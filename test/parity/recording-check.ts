import type { LogitTerm } from '../../src/decoding/decoder.ts'
import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import type { RunningModel } from '../../src/decoding/local/loaded-model.ts'
import { forcedLogits, logSumExp } from './forced-run.ts'
import { answer } from './parity-engine.ts'
import type { RecordedPosition, RecordedPrompt } from './recording.ts'

/** How far the engine's logits are from the recorded ones. */
export interface LogitDifference {
  readonly positions: number
  /** Over all recorded logits and log-sum-exps. */
  readonly maxAbs: number
  /** Positions with the same most likely token. */
  readonly sameBest: number
}

export async function compareForced(
  model: RunningModel,
  adapter: string | undefined,
  prompts: readonly RecordedPrompt[],
): Promise<LogitDifference> {
  let [position, maxAbs, sameBest] = [0, 0, 0]
  for await (const rows of forcedLogits(model, adapter, prompts)) {
    for (const [i, row] of rows.entries()) {
      const recorded = prompts[i]!.positions[position]!
      maxAbs = Math.max(maxAbs, differenceAt(recorded, row))
      if (row.every((value) => value <= row[recorded.bestId]!)) sameBest++
    }
    position++
  }
  return { positions: position * prompts.length, maxAbs, sameBest }
}

/** How many greedy continuations are the recorded ones, ids and text, and how far the log-probabilities are off. */
export async function compareGreedy(
  engine: LocalEngine,
  term: Omit<LogitTerm, 'promptIds' | 'coefficient'>,
  prompts: readonly RecordedPrompt[],
): Promise<{ readonly same: number; readonly maxAbs: number; readonly different: readonly string[] }> {
  let maxAbs = 0
  const different: string[] = []
  const answers = prompts.map(({ promptIds, greedyIds }) =>
    answer(engine, [{ ...term, promptIds, coefficient: 1 }], {
      temperature: 0,
      maxTokens: greedyIds.length,
      topLogprobs: 1,
      trace: true,
    }),
  )
  for (const [i, { draws, text }] of (await Promise.all(answers)).entries()) {
    const { promptIds, greedyIds, greedyLogprobs, greedyText } = prompts[i]!
    const ids = draws.map(({ id }) => id)
    if (ids.join() !== greedyIds.join()) different.push(`prompt of ${promptIds.length}: ids ${ids} for ${greedyIds}`)
    else if (text !== greedyText) different.push(`prompt of ${promptIds.length}: text ${text} for ${greedyText}`)
    else
      for (const [t, { logprob, top, termLogprobs }] of draws.entries())
        for (const reading of [logprob, top![0]!.logprob, termLogprobs![0]!])
          maxAbs = Math.max(maxAbs, Math.abs(reading - greedyLogprobs[t]!))
  }
  return { same: prompts.length - different.length, maxAbs, different }
}

function differenceAt(recorded: RecordedPosition, row: Float32Array): number {
  let max = Math.abs(logSumExp(row) - recorded.logSumExp)
  for (const [k, id] of recorded.ids.entries()) {
    const difference = Math.abs(row[id]! - recorded.logits[k]!)
    if (!(difference <= max)) max = difference
  }
  return max
}
