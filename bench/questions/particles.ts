import { z } from 'zod'
import type { BenchOptions } from '../bench-options.ts'
import { withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { secondsOf } from '../http-client.ts'
import { rateRatios } from '../measures/result-row.ts'
import { alternate } from '../measures/rounds.ts'
import { atMost } from '../measures/target.ts'
import { tokenizerOf } from '../model-tokenizer.ts'
import { promptIds } from '../prompts.ts'
import { serveModel } from '../served-model.ts'

const promptTokens = 512
const count = 8

/** Particles beside as many answers that know nothing of each other. */
export async function particles(options: BenchOptions): Promise<Finding> {
  const newTokens = options.quick ? 32 : 128
  return await withCleanup(async (cleanup) => {
    const served = await serveModel(options)
    cleanup.add(() => served.stop())
    const tokenizer = tokenizerOf(options.model)
    let seed = 3000
    const timeOf = async (more: object) => {
      const prompt = promptIds(tokenizer, seed++, promptTokens)
      const body = { model: 'm', prompt, max_tokens: newTokens, ignore_eos: true, ...more }
      const { seconds, reply } = await secondsOf(`${served.url}/v1/completions`, body)
      return { seconds, reply }
    }
    const steering = { n: count, reward: 'cheap', lambda: 1, resample_every: 16, ess_threshold: 2 }
    const contestants = [
      {
        name: 'particles',
        measure: async () => {
          const { seconds, reply } = await timeOf({ alignment: { particles: steering } })
          assertResampled(reply, newTokens)
          return seconds
        },
      },
      { name: 'independent', measure: async () => (await timeOf({ n: count })).seconds },
    ]
    const work = `${count} particles, prompt of ${promptTokens}, resampled every 16: cost over independent streams`
    options.say(work)
    const found = await alternate(contestants, options.rounds, options.say)
    const [steered, independent] = [found.get('particles')!, found.get('independent')!]
    const row = {
      work,
      comparison: `trimtab int8, particles / n = ${count}`,
      unit: 'x',
      values: rateRatios(steered, independent),
      measured: [
        { name: 'particles', unit: 's', values: steered },
        { name: 'independent', unit: 's', values: independent },
      ],
      target: atMost(1.1),
    }
    return { question: 'particles', rows: [row], notes: [note] }
  })
}

const note =
  'particles: whole requests over HTTP with a new prompt each time, always resampled (ess_threshold 2), judged by a regular expression; the independent streams are one request with n = 8, which reads its prompt once too.'

const reply = z.object({
  alignment: z.object({ particles: z.object({ steps: z.array(z.object({ resampled: z.boolean() })) }) }),
})

/** Checkpoints at 16, 32, ... and the end, which resamples no more. */
function assertResampled(body: unknown, newTokens: number): void {
  const { steps } = reply.parse(body).alignment.particles
  const resampled = steps.filter((step) => step.resampled).length
  if (resampled < newTokens / 16 - 1) throw new Error(`the particles were resampled ${resampled} times only`)
}
