import { join } from 'node:path'
import type { BenchOptions } from '../bench-options.ts'
import { randomAdapter } from '../checkpoints/random-adapter.ts'
import { randomCheckpoint } from '../checkpoints/random-checkpoint.ts'
import { qwen05, qwen15, smallBody, smollm2 } from '../checkpoints/shapes.ts'
import type { Curve, Finding } from '../finding.ts'
import { weightBytesPerStep } from '../measures/weight-bytes.ts'
import { modelConfigOf } from '../model-config-of.ts'
import { curveOf } from '../scale/curve.ts'
import type { ProbeAnswer, ProbePoint } from '../scale/probe-job.ts'
import { runProbe } from '../scale/run-probe.ts'

const linear = { mostExponent: 1 } as const
const plain: ProbePoint = { context: 160, streams: 1, guides: 0, forks: 0 }

/** How the time of a step grows with each thing it should depend on at most linearly. */
export async function scale(options: BenchOptions): Promise<Finding> {
  const notes = [
    'scale: milliseconds of a decoding step, `int8`, random weights (but for the 135M of the shapes), each model in a process of its own; medians over rounds that visit all points. ' +
      'Points after one another share a process, so peak memory includes what earlier points used. Fits are least squares of relative residuals; the exponent is that of a + b x^e.',
  ]
  const curves = [...(await bodyCurves(options)), await vocabularyCurve(options), await shapeCurve(options, notes)]
  return { question: 'scale', rows: [], curves, notes }
}

/** Context, rows, guides and particles, on SmolLM2's shape. */
async function bodyCurves(options: BenchOptions): Promise<Curve[]> {
  const { quick, say, work } = options
  const folder = randomCheckpoint(work, 'smollm2', smollm2, say)
  const adapters = [1, 2, 3, 4].map((k) => {
    const name = `guide-${k}`
    return { name, source: randomAdapter(join(work, 'adapters', `smollm2-${name}`), folder, k) }
  })
  const contexts = quick ? [128, 256, 512, 1024] : [128, 256, 512, 1024, 2048, 4096, 8192]
  const counts = quick ? [1, 4, 16] : [1, 2, 4, 8, 16, 32, 64]
  const guides = [0, 1, 2, 3, 4]
  const particles = quick ? [1, 4, 16] : [1, 2, 4, 8, 16, 32]
  say('scale: context, rows, particles')
  const groups = [
    contexts.map((context) => ({ ...plain, context })),
    counts.map((streams) => ({ ...plain, streams })),
    particles.map((n) => ({ ...plain, context: 512, forks: n - 1 })),
  ]
  const [byContext, byRows, byParticles] = regroup(groups, await probe(options, folder, [], groups.flat()))
  say('scale: guides')
  const guided = guides.map((count) => ({ ...plain, streams: 4, guides: count }))
  const byGuides = await probe(options, folder, adapters, guided)
  return [
    curveOf(
      { name: 'context', x: 'tokens', law: 'a + b tokens: attention reads the past once', ...linear },
      contexts,
      byContext!,
      () => 1,
    ),
    curveOf(
      { name: 'rows', x: 'streams', law: 'a + b rows: weights are read once, arithmetic grows', ...linear },
      counts,
      byRows!,
      (i) => counts[i]!,
    ),
    curveOf(
      { name: 'guides', x: 'LoRA guides of 4 streams', law: 'a + b guides: each is a row of the batch', ...linear },
      guides,
      byGuides,
      () => 4,
    ),
    curveOf(
      {
        name: 'particles',
        x: 'answers behind one prompt of 512',
        law: 'a + b answers: the prompt is kept and read once',
        ...linear,
      },
      particles,
      byParticles!,
      (i) => particles[i]!,
    ),
  ]
}

async function vocabularyCurve(options: BenchOptions): Promise<Curve> {
  const sizes = options.quick ? [2048, 16384, 65536] : [2048, 8192, 32768, 65536, 151936]
  const answers = []
  for (const size of sizes) {
    options.say(`scale: vocabulary of ${size}`)
    const folder = randomCheckpoint(options.work, `vocabulary-${size}`, smallBody(size), options.say)
    answers.push(...(await probe(options, folder, [], [plain])))
  }
  const law = 'a + b tokens: the output matrix'
  return curveOf({ name: 'vocabulary', x: 'tokens, under 6 layers', law, ...linear }, sizes, answers, () => 1)
}

async function shapeCurve(options: BenchOptions, notes: string[]): Promise<Curve> {
  const { model, work, say, quick } = options
  const shapes = [
    { name: 'SmolLM2-135M', folder: () => model },
    { name: '0.5B shape', folder: () => randomCheckpoint(work, 'qwen2.5-0.5b', qwen05, say) },
    ...(quick ? [] : [{ name: '1.5B shape', folder: () => randomCheckpoint(work, 'qwen2.5-1.5b', qwen15, say) }]),
  ]
  const sizes: number[] = []
  const answers = []
  for (const { name, folder } of shapes) {
    say(`scale: ${name}`)
    const source = folder()
    const { preparingMib, points } = await runProbe(jobOf(options, source, [], [plain]))
    const [answer] = points
    sizes.push(weightBytesPerStep(modelConfigOf(source), 'int8') / 2 ** 20)
    answers.push(answer!)
    notes.push(
      `${name}: peak memory ${Math.round(answer!.peakMib)} MiB running, ${Math.round(preparingMib)} MiB in the process that loaded it before (preparing its graph, where it was not prepared yet).`,
    )
  }
  if (quick) notes.push('The 1.5B shape was left out (--quick).')
  const law = 'a + b MiB: weights are read once a step'
  return curveOf({ name: 'model shape', x: 'MiB of weights a step', law, ...linear }, sizes, answers, () => 1)
}

type Adapters = readonly { readonly name: string; readonly source: string }[]

async function probe(options: BenchOptions, folder: string, adapters: Adapters, points: readonly ProbePoint[]) {
  return (await runProbe(jobOf(options, folder, adapters, points))).points
}

function jobOf(
  { threads, work, rounds, quick }: BenchOptions,
  folder: string,
  adapters: Adapters,
  points: readonly ProbePoint[],
) {
  const newTokens = quick ? 8 : 32
  const contextLength = Math.max(...points.map(({ context }) => context)) + newTokens + 1
  return {
    folder,
    adapters: [...adapters],
    weights: 'int8' as const,
    // one graph for all points of a folder, and the same that other questions use
    contextLength: Math.max(2048, contextLength),
    threads,
    work,
    newTokens,
    rounds,
    points: [...points],
  }
}

function regroup(groups: readonly (readonly ProbePoint[])[], answers: readonly ProbeAnswer['points'][number][]) {
  let start = 0
  return groups.map(({ length }) => {
    start += length
    return answers.slice(start - length, start)
  })
}
