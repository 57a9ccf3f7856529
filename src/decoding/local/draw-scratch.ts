import { type AllowedScratch, allowedScratch } from '../grammar/allowed-draw.ts'
import { type SelectionScratch, selectionScratch } from '../top-logits.ts'

/** Buffers of vocabulary size for one draw at a time, so that a draw allocates none. */
export interface DrawScratch {
  readonly selection: SelectionScratch
  readonly allowed: AllowedScratch
}

export const drawScratch = (vocabularySize: number): DrawScratch => ({
  selection: selectionScratch(vocabularySize),
  allowed: allowedScratch(vocabularySize),
})
