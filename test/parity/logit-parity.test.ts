import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { committedCheckpoints, type RecordedCheckpoint, realModelCache, smolLm2 } from './checkpoints.ts'
import { engineOptions, modelSpec, openQuietly, openRunningModel } from './parity-engine.ts'
import { readRecording, weightsSha256 } from './recording.ts'
import { compareForced, compareGreedy } from './recording-check.ts'

const bound = 2e-3

describe('with fp32 weights the engine computes what transformers recorded', () => {
  for (const checkpoint of committedCheckpoints())
    test(`for ${checkpoint.name}`, () => compare(checkpoint, engineOptions(), 1))

  const real = smolLm2()
  const missing = real === undefined || !existsSync(`${real.recording}.json`)
  test('for SmolLM2', { skip: missing && 'docs/parity.md says how to record it' }, () =>
    compare(real!, engineOptions({ cacheFolder: realModelCache(), memoryBytes: 2 ** 29 }), 7),
  )
})

async function compare(checkpoint: RecordedCheckpoint, options: ReturnType<typeof engineOptions>, every: number) {
  assert.ok(existsSync(`${checkpoint.recording}.json`), 'not recorded yet: run test/reference/record_all.py')
  const recording = readRecording(checkpoint.recording)
  const folders = [checkpoint.folder, ...(checkpoint.adapter === undefined ? [] : [checkpoint.adapter])]
  const stale = 'the weights changed since the recording was made: run test/reference/record_all.py'
  assert.equal(weightsSha256(folders), recording.weightsSha256, stale)
  const prompts = recording.prompts.filter((_, i) => process.env['TRIMTAB_PARITY'] === 'full' || i % every === 0)
  const adapter = checkpoint.adapter === undefined ? undefined : 'adapter'
  const adapters = checkpoint.adapter === undefined ? [] : [{ name: 'adapter', source: checkpoint.adapter }]
  const spec = { ...modelSpec('model', checkpoint.folder), adapters }
  await compareLogits()
  await compareAnswers()

  async function compareLogits() {
    const model = await openRunningModel(spec, options)
    try {
      assert.equal(model.runner.vocabSize, recording.vocabSize)
      const { positions, maxAbs } = await compareForced(model, adapter, prompts)
      assert.equal(positions, prompts.length * 64)
      assert.ok(maxAbs <= bound, `largest difference ${maxAbs}`)
    } finally {
      await model.runner.close()
    }
  }

  async function compareAnswers() {
    const engine = await openQuietly([spec], options)
    try {
      const { different, maxAbs } = await compareGreedy(engine, { model: 'model', adapter }, prompts)
      assert.deepEqual(different, [])
      assert.ok(maxAbs <= bound, `largest difference of a log-probability ${maxAbs}`)
    } finally {
      await engine.close()
    }
  }
}
