import type { BenchOptions } from '../bench-options.ts'
import { withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { streamTimes } from '../http-client.ts'
import { compare, tokensPerSecond } from '../measures/comparison.ts'
import { atLeast } from '../measures/target.ts'
import { baseTerm, decodeRate, openOurs, openStream, plainSpec } from '../our-engine.ts'
import { question } from '../prompts.ts'
import { serveModel } from '../served-model.ts'

/** One stream over HTTP, its client on the same machine, beside the engine's loop alone. */
export async function overhead(options: BenchOptions): Promise<Finding> {
  const newTokens = options.quick ? 64 : 256
  return await withCleanup(async (cleanup) => {
    const engine = await openOurs([plainSpec(options.model, 'int8')], options)
    cleanup.add(() => engine.close())
    const { tokenizer, chatTemplate } = engine.models.get('m')!
    const served = await serveModel(options)
    cleanup.add(() => served.stop())
    const messages = [{ role: 'user', content: question(0) }]
    const prompt = tokenizer.encode(chatTemplate!.render(messages), false)
    const overHttp = async (round: number) => {
      const body = { model: 'm', messages, max_tokens: newTokens, seed: round + 2, ignore_eos: true }
      const { first, end, tokens } = await streamTimes(`${served.url}/v1/chat/completions`, body)
      if (tokens !== newTokens) throw new Error(`the stream has ${tokens} tokens, not ${newTokens}`)
      return (1000 * (newTokens - 1)) / (end - first)
    }
    const bare = (round: number) =>
      decodeRate(engine, [openStream(engine, [baseTerm(prompt)], round + 2, newTokens)], newTokens)
    const ours = { name: 'trimtab over HTTP', measure: overHttp }
    const rival = { name: 'the bare engine loop', measure: bare }
    const work = `one plain chat stream of ${newTokens} tokens`
    const rows = await compare(work, [ours], [rival], tokensPerSecond, options, () => atLeast(0.95))
    return { question: 'overhead', rows, notes: [note] }
  })
}

const note =
  'overhead: the same seed and prompt on both sides. Over HTTP from the first text to the last byte, with engine, gateway and client on the same cores; the bare loop in the process of the benchmark.'
