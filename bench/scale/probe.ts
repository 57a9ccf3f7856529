import type { Sequence } from '../../src/decoding/decoder.ts'
import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import { blockBytes } from '../../src/decoding/local/kv-pool.ts'
import { advance, baseTerm, openOurs, openStream, prefill } from '../our-engine.ts'
import { promptIds } from '../prompts.ts'
import { peakMegabytes } from '../served.ts'
import { type ProbeAnswer, type ProbeJob, type ProbePoint, probeJob } from './probe-job.ts'

// A process of its own for each model, so that its peak memory is its own: node --import tsx bench/scale/probe.ts JOB
const job = probeJob.parse(JSON.parse(process.argv[2] ?? ''))
process.stdout.write(`${JSON.stringify(await answer(job))}\n`)

async function answer(job: ProbeJob): Promise<ProbeAnswer> {
  const { folder, weights, adapters, contextLength, threads, work, points, rounds, newTokens } = job
  const memoryBytes = 3 * 2 ** 30
  const spec = { name: 'm', source: folder, weights, adapters, contextLength }
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const engine = await openOurs([spec], { threads, work, say, memoryBytes })
  const found = points.map(() => ({ stepSeconds: [] as number[], kvBytes: 0, peakMib: 0 }))
  try {
    // the first round warms up: it reads the prompts, and later ones find them in the prefix cache
    for (let round = -1; round < rounds; round++)
      for (const [index, point] of points.entries()) {
        const measured = await measure(engine, point, newTokens)
        const entry = found[index]!
        if (round >= 0) entry.stepSeconds.push(measured.stepSeconds)
        else Object.assign(entry, { kvBytes: measured.kvBytes, peakMib: peakMegabytes(process.pid) })
      }
  } finally {
    await engine.close()
  }
  return { peakMib: peakMegabytes(process.pid), points: found }
}

async function measure(engine: LocalEngine, point: ProbePoint, newTokens: number) {
  const sequences = await openSequences(engine, point, newTokens + 1)
  try {
    // the first step writes into new blocks, and copies shared ones
    await advance(engine, sequences, 1)
    const seconds = await advance(engine, sequences, newTokens)
    const { config } = engine.models.get('m')!
    return { stepSeconds: seconds / newTokens, kvBytes: engine.stats().blocks.live * blockBytes(config) }
  } finally {
    for (const sequence of sequences) engine.release(sequence)
  }
}

async function openSequences(engine: LocalEngine, point: ProbePoint, maxTokens: number): Promise<Sequence[]> {
  const { tokenizer, adapterNames } = engine.models.get('m')!
  const sequences: Sequence[] = []
  for (let i = 0; i < point.streams; i++) {
    // one text for all lengths: longer prompts continue shorter ones
    const ids = promptIds(tokenizer, i, point.context)
    const guides = adapterNames
      .slice(0, point.guides)
      .map((adapter) => ({ model: 'm', adapter, promptIds: ids, coefficient: 0.5 }))
    sequences.push(openStream(engine, [baseTerm(ids), ...guides], i, maxTokens, point.forks))
  }
  await prefill(engine, sequences)
  const forks = sequences.flatMap((sequence) =>
    Array.from({ length: point.forks }, (_, f) => engine.fork(sequence, BigInt(1000 + f))),
  )
  return [...sequences, ...forks]
}
