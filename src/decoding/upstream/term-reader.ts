import type { LogitTerm } from '../decoder.ts'
import { assertRow, type KnownLaw, reportedLaw, wholeLaw } from './known-law.ts'
import type { BlockRequest, EngineCall, TokenEngine } from './token-engine.ts'

/** A context that reads drafted tokens: a model, perhaps an adapter of it, behind a prompt of its own. */
export type ReadingTerm = Omit<LogitTerm, 'coefficient'>

/** What it says before each token of a block that continues the answer: as many laws as the block has tokens. */
export type TermReader = (
  answer: readonly number[],
  block: readonly number[],
  wanted: BlockRequest['wanted'],
  call: EngineCall,
) => Promise<readonly KnownLaw[]>

/** Whole rows of logits of given tokens, as the local engine computes them. */
export interface RowSource {
  /**
   * Hands over the logits before each of `ids`, in order; a row is valid only during its call.
   * @throws what the engine's `open` throws; the signal's reason
   */
  readRows(
    term: ReadingTerm,
    ids: readonly number[],
    onRow: (index: number, logits: Float32Array) => void,
    signal: AbortSignal,
  ): Promise<void>
}

/** Reads with the local engine: one pass over the block, the tokens before it from the prefix cache. */
export function localReader(source: RowSource, term: ReadingTerm): TermReader {
  return async (answer, block, _wanted, { signal }) => {
    const laws: KnownLaw[] = []
    const behind = { ...term, promptIds: [...term.promptIds, ...answer] }
    await source.readRows(
      behind,
      block,
      (index, logits) => {
        laws[index] = wholeLaw(logits.slice())
      },
      signal,
    )
    return laws
  }
}

/** Reads with another model or adapter of an upstream engine, or with the base behind another prompt. */
export function engineReader(engine: TokenEngine, model: string, term: ReadingTerm): TermReader {
  return async (answer, block, wanted, call) => {
    const prefix = [...term.promptIds, ...answer]
    const reported = await engine.readBlock({ model, prefix, block, wanted }, call)
    return reported.map(({ tokens, ranked }) => {
      assertRow(engine.name, tokens)
      return reportedLaw(tokens, ranked)
    })
  }
}
