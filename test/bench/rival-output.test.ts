import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { profileOf } from '../../bench/measures/profile-events.ts'
import { missingLinks } from '../../bench/rivals/llama-folder.ts'
import { batchedDecodeRate, promptRate } from '../../bench/rivals/llama-output.ts'

describe("llama.cpp's output", () => {
  it('gives the rate of the generation phase, whatever is printed around it', () => {
    const line =
      '{"n_kv_max": 8192, "n_batch": 2048, "n_ubatch": 512, "flash_attn": -1, "is_pp_shared": 0, "n_gpu_layers": -1, "n_threads": 2, "n_threads_batch": 2, "pp": 160, "tg": 128, "pl": 8, "n_kv": 2304, "t_pp": 3.1, "speed_pp": 412.9, "t_tg": 4.0, "speed_tg": 256.0, "t": 7.1, "speed": 324.5}'
    assert.equal(batchedDecodeRate(`loading model\n${line}\n\nperf\n`), 256)
    assert.throws(() => batchedDecodeRate('error: failed to load'), /no result/)
  })

  it('gives the rate of the prompt that was asked for', () => {
    const entries = [
      { n_prompt: 512, n_gen: 0, avg_ts: 603.2 },
      { n_prompt: 0, n_gen: 128, avg_ts: 100.1 },
    ]
    assert.equal(promptRate(`warning\n${JSON.stringify(entries)}`, 512), 603.2)
    assert.throws(() => promptRate(JSON.stringify(entries), 256), /no prompt of 256/)
  })

  it('names the links that packed libraries lack', () => {
    assert.deepEqual(missingLinks('libllama-common.so'), ['libllama-common.so.0'])
    assert.deepEqual(missingLinks('libggml.so.0.9.4'), ['libggml.so', 'libggml.so.0', 'libggml.so.0.9'])
    assert.deepEqual(missingLinks('libllama.so.0'), ['libllama.so'])
    assert.deepEqual(missingLinks('llama-server'), [])
  })
})

describe("ONNX Runtime's profile", () => {
  const node = (op: string, ts: number, dur: number) => ({
    cat: 'Node',
    name: `${op}_1_kernel_time`,
    ts,
    dur,
    args: { op_name: op },
  })
  const run = (ts: number, dur: number) => ({ cat: 'Session', name: 'model_run', ts, dur, args: {} })

  it('counts the last runs only, per run and the dearest first', () => {
    const events = [
      run(0, 1000),
      node('MatMul', 10, 900),
      run(2000, 100),
      node('Add', 2010, 10),
      node('MatMul', 2030, 60),
      run(3000, 120),
      node('Add', 3010, 20),
      node('MatMul', 3040, 80),
      { ...node('MatMul', 3040, 5), name: 'MatMul_1_fence_before' },
    ]
    assert.deepEqual(profileOf(events, 2), {
      graphUs: 110,
      operators: [
        { name: 'MatMul', calls: 1, us: 70 },
        { name: 'Add', calls: 1, us: 15 },
      ],
    })
  })

  it('refuses a profile of fewer runs', () => {
    assert.throws(() => profileOf([run(0, 1)], 2), /1 runs, not 2/)
  })
})
