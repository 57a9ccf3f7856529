import type { BenchOptions } from '../bench-options.ts'
import type { Finding } from '../finding.ts'
import { bestOf } from './best-of.ts'
import { decode } from './decode.ts'
import { guided } from './guided.ts'
import { httpCpu } from './http-cpu.ts'
import { overhead } from './overhead.ts'
import { particles } from './particles.ts'
import { prefill } from './prefill.ts'
import { roofline } from './roofline.ts'
import { scale } from './scale.ts'

export interface Question {
  readonly name: string
  readonly description: string
  readonly ask: (options: BenchOptions) => Promise<Finding>
}

/** In the order in which `all` asks them. */
export const questions: readonly Question[] = [
  {
    name: 'decode',
    description: 'tokens/s at 1, 8 and 16 streams, beside llama.cpp, transformers.js and node-llama-cpp',
    ask: decode,
  },
  { name: 'prefill', description: 'reading a prompt of 512 tokens, beside llama.cpp', ask: prefill },
  {
    name: 'best-of',
    description: 'best-of-8 as one request over HTTP, beside llama-server and transformers.js',
    ask: bestOf,
  },
  {
    name: 'guided',
    description: "a standalone guide beside the papers' reference engine; LoRA guides beside plain decoding",
    ask: guided,
  },
  { name: 'particles', description: '8 particles beside 8 independent streams', ask: particles },
  { name: 'overhead', description: 'one stream over HTTP beside the bare engine loop', ask: overhead },
  { name: 'http-cpu', description: 'processor time of the HTTP process per streamed token', ask: httpCpu },
  {
    name: 'roofline',
    description: 'share of the memory bandwidth at one stream, and the profile of a step',
    ask: roofline,
  },
  {
    name: 'scale',
    description: 'cost against context, rows, guides, particles, vocabulary and model shape',
    ask: scale,
  },
]
