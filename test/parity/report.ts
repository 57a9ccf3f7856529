import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { EngineOptions, WeightFormat } from '../../src/decoding/local/engine-options.ts'
import type { RunningModel } from '../../src/decoding/local/loaded-model.ts'
import { committedCheckpoints, type RecordedCheckpoint, realModelCache, smolLm2 } from './checkpoints.ts'
import type { ForcedJob } from './forced-run.ts'
import { mixedText } from './mixed-text.ts'
import { engineOptions, modelSpec, openQuietly, openRunningModel } from './parity-engine.ts'
import { type RecordedPrompt, readRecording, weightsSha256 } from './recording.ts'
import { compareForced, compareGreedy } from './recording-check.ts'
import { type Divergence, divergence } from './weight-divergence.ts'

// Prints how far the engine is from transformers, and each weight format from fp32: docs/parity.md explains the columns.

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    reference: { type: 'string' },
    adapter: { type: 'string' },
    weights: { type: 'string', default: 'fp32,int8,w8a8,int4' },
    only: { type: 'string' },
    threads: { type: 'string', default: '2' },
  },
})

const checkpoints = flags.model === undefined ? knownCheckpoints() : [givenCheckpoint(flags.model)]
console.log('| model | weights | compared with | positions | max abs diff | mean KL | max KL | top-1 | nll | greedy |')
console.log('|---|---|---|---|---|---|---|---|---|---|')
for (const checkpoint of checkpoints) {
  if (flags.only !== undefined && !checkpoint.name.includes(flags.only)) continue
  if (!existsSync(`${checkpoint.recording}.json`)) console.error(`${checkpoint.name}: not recorded`)
  else await report(checkpoint)
}

function knownCheckpoints(): RecordedCheckpoint[] {
  const real = smolLm2()
  return [...committedCheckpoints(), ...(real === undefined ? [] : [real])]
}

function givenCheckpoint(model: string): RecordedCheckpoint {
  if (flags.reference === undefined) throw new Error('--model needs --reference, a file made by record_logits.py')
  return {
    name: basename(resolve(model)),
    folder: model,
    adapter: flags.adapter,
    recording: flags.reference.replace(/\.(json|bin)$/, ''),
  }
}

async function report(checkpoint: RecordedCheckpoint): Promise<void> {
  const { prompts, weightsSha256: recorded } = readRecording(checkpoint.recording)
  const folders = [checkpoint.folder, ...(checkpoint.adapter === undefined ? [] : [checkpoint.adapter])]
  if (weightsSha256(folders) !== recorded) {
    console.error(`${checkpoint.name}: its weights changed since the recording was made`)
    return
  }
  const options = engineOptions({
    threads: Number(flags.threads),
    cacheFolder: realModelCache(),
    memoryBytes: 2 ** 30,
  })
  const exact = await openModel(checkpoint, 'fp32', options)
  try {
    for (const weights of flags.weights.split(',') as WeightFormat[])
      await reportWeights(checkpoint, weights, prompts, exact, options)
  } finally {
    await exact.runner.close()
  }
}

async function reportWeights(
  checkpoint: RecordedCheckpoint,
  weights: WeightFormat,
  prompts: readonly RecordedPrompt[],
  exact: RunningModel,
  options: EngineOptions,
): Promise<void> {
  const adapter = checkpoint.adapter === undefined ? undefined : 'adapter'
  const model = weights === 'fp32' ? exact : await openModel(checkpoint, weights, options)
  try {
    const { positions, maxAbs, sameBest } = await compareForced(model, adapter, prompts)
    const greedy = await countGreedy(checkpoint, weights, prompts, options)
    const best = percent(sameBest / positions)
    row(checkpoint, weights, 'transformers', positions, maxAbs.toExponential(1), '', '', best, '', greedy)
    if (weights === 'fp32') return
    printDivergence('engine fp32, recording', await divergence(exact, model, adapter, prompts))
    if (model.runner.vocabSize > 10_000)
      printDivergence('engine fp32, mixed text', await divergence(exact, model, adapter, textJobs(model)))
  } finally {
    if (model !== exact) await model.runner.close()
  }

  function printDivergence(against: string, d: Divergence): void {
    const nll = `${d.nll.toFixed(3)} (fp32 ${d.nllExact.toFixed(3)})`
    row(
      checkpoint,
      weights,
      against,
      d.positions,
      '',
      d.meanKl.toFixed(5),
      d.maxKl.toFixed(3),
      percent(d.sameBest),
      nll,
      '',
    )
  }
}

function openModel(checkpoint: RecordedCheckpoint, weights: WeightFormat, options: EngineOptions) {
  return openRunningModel(specOf(checkpoint, weights), options)
}

function specOf({ folder, adapter }: RecordedCheckpoint, weights: WeightFormat) {
  const adapters = adapter === undefined ? [] : [{ name: 'adapter', source: adapter }]
  return { ...modelSpec('model', folder, weights), adapters, contextLength: 2048 }
}

async function countGreedy(
  checkpoint: RecordedCheckpoint,
  weights: WeightFormat,
  prompts: readonly RecordedPrompt[],
  options: EngineOptions,
): Promise<string> {
  const engine = await openQuietly([specOf(checkpoint, weights)], options)
  try {
    const adapter = checkpoint.adapter === undefined ? undefined : 'adapter'
    const { same } = await compareGreedy(engine, { model: 'model', adapter }, prompts)
    return `${same}/${prompts.length}`
  } finally {
    await engine.close()
  }
}

/** The passages, all cut to the length of the shortest: the first token is the prompt, the rest is forced. */
function textJobs(model: RunningModel): ForcedJob[] {
  const passages = mixedText.map((text) => model.card.tokenizer.encode(text, false))
  const length = Math.min(...passages.map((ids) => ids.length))
  return passages.map((ids) => ({ promptIds: ids.slice(0, 1), forcedIds: ids.slice(1, length) }))
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function row(checkpoint: RecordedCheckpoint, weights: WeightFormat, ...cells: readonly (string | number)[]): void {
  console.log(`| ${[checkpoint.name, weights, ...cells].join(' | ')} |`)
}
