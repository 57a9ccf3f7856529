import assert from 'node:assert/strict'
import type { LogitTerm, TokenDraw } from '../../src/decoding/decoder.ts'
import type { EngineOptions, ModelSpec } from '../../src/decoding/local/engine-options.ts'
import type { RunningModel } from '../../src/decoding/local/loaded-model.ts'
import { forcedLogits, logSumExp } from './forced-run.ts'
import { openRunningModel } from './parity-engine.ts'

/** A model with at most one adapter, loaded for itself. */
export class SeparateModels {
  readonly #options: EngineOptions
  readonly #specs: ReadonlyMap<string, ModelSpec>
  readonly #opened = new Map<string, Promise<RunningModel>>()

  constructor(specs: readonly ModelSpec[], options: EngineOptions) {
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]))
    this.#options = options
  }

  /** log softmax of one context's logits before each of `ids`, from a run in which nothing else takes part. */
  async logprobs({ model, adapter, promptIds }: Omit<LogitTerm, 'coefficient'>, ids: readonly number[]) {
    const running = await this.#open(model, adapter)
    const rows: Float64Array[] = []
    for await (const [row] of forcedLogits(running, adapter, [{ promptIds, forcedIds: ids }])) {
      const normaliser = logSumExp(row!)
      rows.push(Float64Array.from(row!, (value) => value - normaliser))
    }
    return rows
  }

  async close(): Promise<void> {
    for (const model of this.#opened.values()) await (await model).runner.close()
  }

  #open(model: string, adapter: string | undefined): Promise<RunningModel> {
    const key = `${model}/${adapter ?? ''}`
    const spec = this.#specs.get(model)!
    const adapters = spec.adapters.filter(({ name }) => name === adapter)
    const opened = this.#opened.get(key) ?? openRunningModel({ ...spec, adapters }, this.#options)
    this.#opened.set(key, opened)
    return opened
  }
}

/** Asserts that each draw's numbers are those of softmax(sum of coefficient * log p of each context), to within `bound`. */
export async function assertDrawnFrom(
  law: readonly LogitTerm[],
  draws: readonly TokenDraw[],
  models: SeparateModels,
  bound: number,
): Promise<void> {
  const ids = draws.map(({ id }) => id)
  const parts: Float64Array[][] = []
  for (const context of law) parts.push(await models.logprobs(context, ids))
  for (const [t, draw] of draws.entries()) {
    const rows = parts.map((part) => part[t]!)
    const expected = combine(rows, law)
    close(draw.logprob, expected[draw.id]!, bound, `token ${t}`)
    for (const { id, logprob } of draw.top ?? [])
      close(logprob, expected[id]!, bound, `alternative ${id} to token ${t}`)
  }
}

function combine(rows: readonly Float64Array[], law: readonly LogitTerm[]): Float64Array {
  const sum = new Float64Array(rows[0]!.length)
  for (const [j, row] of rows.entries()) for (const [v, value] of row.entries()) sum[v]! += law[j]!.coefficient * value
  const normaliser = logSumExp(sum)
  return sum.map((value) => value - normaliser)
}

function close(actual: number, expected: number, bound: number, what: string): void {
  const difference = Math.abs(actual - expected)
  assert.ok(difference <= bound, `${what}: streamed ${actual}, offline ${expected}, difference ${difference}`)
}
