import { z } from 'zod'
import type { BenchOptions } from '../bench-options.ts'
import { type Cleanup, withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { secondsOf } from '../http-client.ts'
import { compare, type Rival, seconds } from '../measures/comparison.ts'
import { atLeast } from '../measures/target.ts'
import { MissingRival, rivalOr } from '../missing.ts'
import { tokenizerOf } from '../model-tokenizer.ts'
import { promptIds } from '../prompts.ts'
import { openLlamaCpp } from '../rivals/llama-cpp.ts'
import { startLlamaServer } from '../rivals/llama-server.ts'
import { startTransformersJs } from '../rivals/transformers-js.ts'
import { serveModel } from '../served-model.ts'

const promptTokens = 512
const answers = 8

/** One whole request for eight answers to a long prompt, from sending it to the last byte of the reply. */
export async function bestOf(options: BenchOptions): Promise<Finding> {
  const newTokens = options.quick ? 16 : 64
  return await withCleanup(async (cleanup) => {
    const tokenizer = tokenizerOf(options.model)
    let seed = 2000
    // a new prompt each time, so that everyone reads it
    const nextPrompt = () => promptIds(tokenizer, seed++, promptTokens)
    const served = await serveModel(options)
    cleanup.add(() => served.stop())
    const measure = async () => await timeOfOurs(served.url, nextPrompt(), newTokens)
    const ours = { name: 'trimtab int8', measure }
    const rivals = [
      await llamaServer(options, cleanup, nextPrompt, newTokens),
      await transformersJs(options, cleanup, nextPrompt, newTokens),
    ]
    const work = `best-of-${answers}, prompt of ${promptTokens}, ${newTokens} new tokens`
    const targetOf = (_: string, rival: string) => atLeast(rival.startsWith('llama') ? 2 : 4)
    const rows = await compare(work, [ours], rivals, seconds, options, targetOf)
    return { question: 'best-of', rows, notes: [note] }
  })
}

const note =
  'best-of: a whole request over HTTP, a new prompt each time; trimtab decodes, judges (a regular expression) and chooses, llama-server only decodes ' +
  '(n = 8, its default samplers at temperature 1), transformers.js generates one batch of 8 in its own process, without HTTP.'

const bestOfReply = z.object({
  alignment: z.object({ candidates: z.array(z.object({ tokens: z.number() })).length(answers) }),
})

async function timeOfOurs(url: string, prompt: readonly number[], newTokens: number): Promise<number> {
  const body = { model: 'm', prompt, max_tokens: newTokens, ignore_eos: true, temperature: 1 }
  const alignment = { best_of: { n: answers, reward: 'cheap' } }
  const { seconds: taken, reply } = await secondsOf(`${url}/v1/completions`, { ...body, alignment })
  const { candidates } = bestOfReply.parse(reply).alignment
  const short = candidates.find(({ tokens }) => tokens !== newTokens)
  if (short !== undefined) throw new Error(`a candidate has ${short.tokens} tokens, not ${newTokens}`)
  return taken
}

const completionReply = z.object({
  choices: z.array(z.unknown()).length(answers),
  usage: z.object({ completion_tokens: z.number(), prompt_tokens: z.number() }),
})

async function llamaServer(
  options: BenchOptions,
  cleanup: Cleanup,
  nextPrompt: () => number[],
  newTokens: number,
): Promise<Rival> {
  const name = 'llama-server Q8_0, n = 8'
  const llama = await rivalOr(() => openLlamaCpp(options))
  if (llama instanceof MissingRival) return { name, measure: llama }
  cleanup.add(() => llama.close())
  const slots = { threads: options.threads, slots: answers, context: promptTokens + newTokens + 64 }
  const server = await startLlamaServer(llama, slots)
  cleanup.add(() => server.stop())
  const measure = async () => {
    const body = { prompt: nextPrompt(), n: answers, max_tokens: newTokens, temperature: 1, ignore_eos: true }
    const { seconds: taken, reply } = await secondsOf(`${server.url}/v1/completions`, { ...body, cache_prompt: false })
    const { usage } = completionReply.parse(reply)
    // servers differ in whether usage counts all choices
    if (usage.completion_tokens !== newTokens && usage.completion_tokens !== answers * newTokens)
      throw new Error(`llama-server drew ${usage.completion_tokens} tokens`)
    return taken
  }
  return { name, measure }
}

async function transformersJs(
  options: BenchOptions,
  cleanup: Cleanup,
  nextPrompt: () => number[],
  newTokens: number,
): Promise<Rival> {
  const name = 'transformers.js q8, batch of 8'
  const worker = await rivalOr(() => startTransformersJs(options))
  if (worker instanceof MissingRival) return { name, measure: worker }
  cleanup.add(() => worker.stop())
  const measure = async () => {
    const prompt = nextPrompt()
    return (await worker.generate(new Array<number[]>(answers).fill(prompt), newTokens)).seconds
  }
  return { name, measure }
}
