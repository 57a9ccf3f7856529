// Reads questions as lines of JSON, { prompts, new_tokens }, and answers with times. Usage: node generate.mjs FILE.gguf THREADS
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { getLlama } from 'node-llama-cpp'

const [gguf, threads] = process.argv.slice(2)
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: Number(threads), logLevel: 'error' })
const model = await llama.loadModel({ modelPath: gguf })

const { version } = JSON.parse(readFileSync(new URL('./node_modules/node-llama-cpp/package.json', import.meta.url)))
say({ ready: true, version: `node-llama-cpp ${version}` })

for await (const line of createInterface({ input: process.stdin })) say(await generate(JSON.parse(line)))

async function generate({ prompts, new_tokens }) {
  const contextSize = prompts[0].length + new_tokens + 8
  const context = await model.createContext({ sequences: prompts.length, contextSize, threads: Number(threads) })
  try {
    const start = performance.now()
    const streams = await Promise.all(prompts.map((prompt) => drawTokens(context.getSequence(), prompt, new_tokens)))
    const end = performance.now()
    const first = Math.max(...streams.map((stream) => stream.first))
    const tokens = streams.reduce((sum, stream) => sum + stream.tokens, 0)
    // one token fewer is drawn after the first: the rate is of `new_tokens` tokens all the same
    const decodeSeconds = (((end - first) / 1000) * new_tokens) / (new_tokens - 1)
    return { seconds: (end - start) / 1000, decode_seconds: decodeSeconds, tokens }
  } finally {
    await context.dispose()
  }
}

/** Sampling as the library does it by default at temperature 1; end-of-text tokens do not end it. */
async function drawTokens(sequence, prompt, count) {
  let first
  let tokens = 0
  for await (const _ of sequence.evaluate(prompt, { temperature: 1, yieldEogToken: true })) {
    first ??= performance.now()
    if (++tokens === count) break
  }
  return { first, tokens }
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
