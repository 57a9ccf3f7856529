import { z } from 'zod'

/** One point to measure: steps of `streams` sequences, each forked `forks` times and guided by `guides` adapters. */
const point = z.object({
  /** Tokens of each prompt. */
  context: z.number(),
  streams: z.number(),
  guides: z.number(),
  /** Further answers to each prompt that share its K/V. */
  forks: z.number(),
})
export type ProbePoint = z.infer<typeof point>

/** What a probe process is told on its command line. */
export const probeJob = z.object({
  folder: z.string(),
  adapters: z.array(z.object({ name: z.string(), source: z.string() })),
  weights: z.enum(['int8', 'w8a8', 'int4', 'fp32']),
  contextLength: z.number(),
  threads: z.number(),
  work: z.string(),
  newTokens: z.number(),
  rounds: z.number(),
  points: z.array(point),
})
export type ProbeJob = z.infer<typeof probeJob>

/** What it says of each point. */
export const probeAnswer = z.object({
  peakMib: z.number(),
  points: z.array(
    z.object({
      /** Seconds of one step, a value a round */
      stepSeconds: z.array(z.number()),
      /** Bytes of K/V blocks that the sequences held in the end, all together */
      kvBytes: z.number(),
      /** The most memory of the process up to here */
      peakMib: z.number(),
    }),
  ),
})
export type ProbeAnswer = z.infer<typeof probeAnswer>
