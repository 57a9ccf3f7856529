import type { BenchOptions } from '../bench-options.ts'
import { withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { compare, tokensPerSecond } from '../measures/comparison.ts'
import { atLeast } from '../measures/target.ts'
import { MissingRival, rivalOr } from '../missing.ts'
import { advance, baseTerm, openOurs, openStream, plainSpec } from '../our-engine.ts'
import { promptIds } from '../prompts.ts'
import { openLlamaCpp } from '../rivals/llama-cpp.ts'

const promptTokens = 512

/** Speed of reading a prompt of 512 tokens that nothing has seen before. */
export async function prefill(options: BenchOptions): Promise<Finding> {
  return await withCleanup(async (cleanup) => {
    let seed = 1000
    const ours = []
    for (const weights of ['int8', 'w8a8'] as const) {
      const engine = await openOurs([plainSpec(options.model, weights)], options)
      cleanup.add(() => engine.close())
      const { tokenizer } = engine.models.get('m')!
      const once = async () => {
        // the last token of a prompt is the first step's input, so one more is given
        const sequence = openStream(engine, [baseTerm(promptIds(tokenizer, seed++, promptTokens + 1))], 1, 1)
        const seconds = await advance(engine, [sequence], 0)
        engine.release(sequence)
        return promptTokens / seconds
      }
      // as many as llama-bench's own repetitions
      const measure = async () => ((await once()) + (await once()) + (await once())) / 3
      ours.push({ name: `trimtab ${weights}`, measure })
    }
    const llama = await rivalOr(() => openLlamaCpp(options))
    if (!(llama instanceof MissingRival)) cleanup.add(() => llama.close())
    const measure = llama instanceof MissingRival ? llama : () => llama.prefillRate(promptTokens)
    const rival = { name: 'llama.cpp Q8_0', measure }
    const targetOf = (our: string) => (our.endsWith('int8') ? atLeast(1.5) : undefined)
    const rows = await compare(`prefill, ${promptTokens} tokens`, ours, [rival], tokensPerSecond, options, targetOf)
    return { question: 'prefill', rows, notes: [note] }
  })
}

const note = `prefill: mean of three prompts a round, each new. llama.cpp: llama-bench -p ${promptTokens} -n 0.`
