import type { BenchOptions } from '../bench-options.ts'
import { withCleanup } from '../cleanup.ts'
import type { Finding } from '../finding.ts'
import { streamTimes } from '../http-client.ts'
import { atMost } from '../measures/target.ts'
import { question } from '../prompts.ts'
import { processorSeconds } from '../served.ts'
import { serveModel } from '../served-model.ts'

const streams = 16

/** Processor time of the HTTP process per token that it streams. */
export async function httpCpu(options: BenchOptions): Promise<Finding> {
  const newTokens = options.quick ? 128 : 512
  return await withCleanup(async (cleanup) => {
    const served = await serveModel(options)
    cleanup.add(() => served.stop())
    const url = `${served.url}/v1/chat/completions`
    const once = async (round: number) => {
      const bodies = Array.from({ length: streams }, (_, i) => {
        const messages = [{ role: 'user', content: question(i) }]
        return { model: 'm', messages, max_tokens: newTokens, seed: 100 * (round + 2) + i, ignore_eos: true }
      })
      const before = processorSeconds(served.pids[0])
      const times = await Promise.all(bodies.map((body) => streamTimes(url, body)))
      const tokens = times.reduce((sum, { tokens }) => sum + tokens, 0)
      return (1e6 * (processorSeconds(served.pids[0]) - before)) / tokens
    }
    const work = `HTTP process, processor time per streamed token, ${streams} streams`
    options.say(work)
    await once(-1)
    const values: number[] = []
    for (let round = 0; round < options.rounds; round++) values.push(await once(round))
    const row = {
      work,
      comparison: 'trimtab int8',
      unit: 'us',
      values,
      measured: [{ name: 'HTTP process', unit: 'us/token', values }],
      target: atMost(60),
    }
    return { question: 'http-cpu', rows: [row], notes: [note(newTokens)] }
  })
}

const note = (newTokens: number) =>
  `http-cpu: user and kernel time of the process that listens, all threads, over ${streams} chat streams of ${newTokens} tokens, after a warm-up; requests and ends of streams included.`
