import type { DecodingModel } from './decode-step.ts'
import type { KvContext } from './kv-context.ts'
import type { LocalSequence } from './local-sequence.ts'

/** Prompt tokens of one forward pass; boundaries are its multiples, whatever else is going on. */
export const chunkTokens = 64

/**
 * Spends up to `budget` tokens on prompts, first come first served, at least one chunk; returns the tokens spent. A sequence
 * whose contexts are all prefilled becomes ready.
 */
export async function prefillStep(
  sequences: readonly LocalSequence[],
  models: ReadonlyMap<string, DecodingModel>,
  budget: number,
): Promise<number> {
  let spent = 0
  for (const sequence of sequences) {
    for (const [term, context] of sequence.contexts.entries()) {
      const { runner } = models.get(sequence.request.terms[term]!.model)!
      while (!context.prefilled && (spent === 0 || spent < budget)) spent += await prefillChunk(runner, context)
    }
    if (sequence.contexts.every((context) => context.prefilled)) sequence.phase = 'ready'
    if (spent >= budget) break
  }
  return spent
}

async function prefillChunk(runner: DecodingModel['runner'], context: KvContext): Promise<number> {
  const start = context.length
  const tokens = context.promptIds.slice(start, context.nextChunkEnd(chunkTokens))
  const result = await runner.run([{ context, tokens }], undefined, { logits: false, mixed: false, top: false })
  context.append(result, 0)
  context.remember(start, chunkTokens)
  return tokens.length
}
