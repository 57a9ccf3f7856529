import type { RunningModel } from '../../src/decoding/local/loaded-model.ts'
import { type ForcedJob, forcedLogits, logSumExp } from './forced-run.ts'

/** How far a model's laws are from those of the same checkpoint in fp32. */
export interface Divergence {
  readonly positions: number
  /** Mean of KL(fp32 || this) in nats. */
  readonly meanKl: number
  readonly maxKl: number
  /** Share of positions with the same most likely token. */
  readonly sameBest: number
  /** Mean of -log p of the forced tokens, in fp32 and here. */
  readonly nllExact: number
  readonly nll: number
}

/** Runs both over the same forced tokens, position by position. */
export async function divergence(
  exact: RunningModel,
  model: RunningModel,
  adapter: string | undefined,
  jobs: readonly ForcedJob[],
): Promise<Divergence> {
  let [position, klSum, maxKl, same, nllExact, nll] = [0, 0, 0, 0, 0, 0]
  const others = forcedLogits(model, adapter, jobs)
  for await (const exactRows of forcedLogits(exact, adapter, jobs)) {
    const rows = (await others.next()).value!
    for (const [i, exactRow] of exactRows.entries()) {
      const row: Float32Array = rows[i]!
      const [exactNormaliser, normaliser] = [logSumExp(exactRow), logSumExp(row)]
      const kl = klBetween(exactRow, exactNormaliser, row, normaliser)
      klSum += kl
      maxKl = Math.max(maxKl, kl)
      if (bestOf(exactRow) === bestOf(row)) same++
      const id = jobs[i]!.forcedIds[position]!
      nllExact += exactNormaliser - exactRow[id]!
      nll += normaliser - row[id]!
    }
    position++
  }
  await others.return(undefined)
  const n = position * jobs.length
  return { positions: n, meanKl: klSum / n, maxKl, sameBest: same / n, nllExact: nllExact / n, nll: nll / n }
}

function klBetween(p: Float32Array, pNormaliser: number, q: Float32Array, qNormaliser: number): number {
  let sum = 0
  for (const [v, logit] of p.entries()) {
    const logprob = logit - pNormaliser
    sum += Math.exp(logprob) * (logprob - (q[v]! - qNormaliser))
  }
  return sum
}

function bestOf(row: Float32Array): number {
  let best = 0
  for (let v = 1; v < row.length; v++) if (row[v]! > row[best]!) best = v
  return best
}
