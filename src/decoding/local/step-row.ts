import type { KvContext } from './kv-context.ts'

/** One row of a step: a context and the tokens it takes in. All rows of a step take in the same number. */
export interface StepRow {
  readonly context: KvContext
  readonly tokens: readonly number[]
}
