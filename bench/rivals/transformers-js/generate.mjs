// Reads questions as lines of JSON, { prompts, new_tokens }, and answers with times. Usage: node generate.mjs MODEL_FOLDER THREADS
import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline'

process.env['ORT_DISABLE_TELEMETRY'] ??= '1'
const { AutoModelForCausalLM, env, Tensor } = await import('@huggingface/transformers')

const [source, threads] = process.argv.slice(2)
const folder = resolve(source)
env.allowRemoteModels = false
env.localModelPath = dirname(folder)
const model = await AutoModelForCausalLM.from_pretrained(basename(folder), {
  dtype: 'q8',
  device: 'cpu',
  session_options: { intraOpNumThreads: Number(threads), interOpNumThreads: 1 },
})

const version = (name) =>
  `${name} ${JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version}`
say({ ready: true, version: `${version('@huggingface/transformers')}, ${version('onnxruntime-node')}` })

for await (const line of createInterface({ input: process.stdin })) say(await generate(JSON.parse(line)))

/** One call of generate() over a batch, as its users would get several answers; top_k is the library's own default (50). */
async function generate({ prompts, new_tokens }) {
  const dims = [prompts.length, prompts[0].length]
  const ids = new Tensor('int64', BigInt64Array.from(prompts.flat(), BigInt), dims)
  const mask = new Tensor('int64', new BigInt64Array(ids.data.length).fill(1n), dims)
  let first
  let calls = 0
  // the first call is the prompt, the second the first token
  const countCall = () => {
    calls++
    if (calls === 2) first = performance.now()
  }
  const start = performance.now()
  const output = await model.generate({
    inputs: ids,
    attention_mask: mask,
    do_sample: true,
    temperature: 1,
    max_new_tokens: new_tokens,
    min_new_tokens: new_tokens,
    streamer: { put: countCall, end: () => {} },
  })
  const end = performance.now()
  const tokens = output.dims[0] * (output.dims[1] - dims[1])
  // one token fewer is drawn after the first: the rate is of `new_tokens` tokens all the same
  const decodeSeconds = (((end - first) / 1000) * new_tokens) / (new_tokens - 1)
  return { seconds: (end - start) / 1000, decode_seconds: decodeSeconds, tokens }
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
