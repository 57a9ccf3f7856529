import { z } from 'zod'

const name = z.string().min(1).max(256)

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** A reward of the configuration, or a weighted sum of several. */
export const rewardReference = z
  .union([name, z.record(name, z.number().min(-1000).max(1000))])
  .refine((value) => typeof value === 'string' || Object.keys(value).length > 0, 'names no reward')
  .refine((value) => typeof value === 'string' || Object.keys(value).length <= 16, 'at most 16 rewards')
  .describe('A reward of the configuration, or an object of rewards and their weights.')

const prune = z
  .strictObject({
    keep: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe('Share of the candidates kept at each point, rounded to the nearest, at least one (arXiv 2410.20290).'),
    at: z
      .array(z.int().min(1).max(1_000_000))
      .min(1)
      .max(64)
      .refine((at) => at.every((tokens, i) => i === 0 || tokens > at[i - 1]!), 'must ascend')
      .describe('Answer lengths in tokens at which the beginnings are scored and the worst are dropped.'),
  })
  .describe('Drop candidates whose beginnings score low (speculative rejection).')

export const bestOfOptions = z.strictObject({
  n: z.int().min(1).max(128).describe('How many candidates.'),
  reward: rewardReference.optional(),
  select: z
    .enum(['best', 'soft', 'vote', 'weighted_vote'])
    .default('best')
    .describe(
      'best: the highest score. soft: at random, with probability proportional to exp(score / temperature). vote: the most frequent extracted answer. weighted_vote: votes weighted by score.',
    ),
  temperature: z.number().positive().max(1e6).default(1).describe('Of soft selection; not of sampling.'),
  normalise: z
    .enum(['none', 'z_score'])
    .default('none')
    .describe('z_score: each reward is standardised over the candidates before it is weighted.'),
  answer: z
    .string()
    .min(1)
    .max(512)
    .refine(isPattern, 'is no regular expression')
    .optional()
    .describe(
      'For votes: a regular expression whose first group is the answer. Absent: \\boxed{}, "The answer is ..", or the last number.',
    ),
  prune: prune.optional(),
})

export const particleOptions = z.strictObject({
  n: z.int().min(1).max(128).describe('How many particles.'),
  reward: rewardReference.optional(),
  potential: z.enum(['difference', 'max', 'sum']).default('difference'),
  lambda: z.number().min(-1e4).max(1e4).default(1).describe('The target is the base law times exp(lambda * reward).'),
  at: z
    .enum(['tokens', 'sentence', 'step'])
    .default('tokens')
    .describe('Where answers are scored and resampled: every so many tokens, at ends of sentences, or at a delimiter.'),
  resample_every: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Tokens, sentences or steps between checkpoints; default 16 tokens, 1 sentence, 1 step.'),
  delimiter: z.string().min(1).max(64).default('\n\n').describe("Ends a step where `at` is 'step'."),
  ess_threshold: z
    .number()
    .min(0)
    .max(2)
    .default(0.5)
    .describe('Resample when the effective sample size is below this share of n; 0 never, above 1 always.'),
  resampler: z.enum(['systematic', 'stratified', 'multinomial', 'residual']).default('systematic'),
  intermediate: z
    .enum(['partial_text', 'completions'])
    .default('partial_text')
    .describe('How unfinished answers are judged: as they are, or by the log-mean-exp over sampled completions.'),
  completions: z
    .int()
    .min(1)
    .max(32)
    .default(2)
    .describe("Completions of each particle where `intermediate` is 'completions'."),
  target: z
    .enum(['guided', 'global'])
    .default('guided')
    .describe(
      'guided: the guided law is the base. global: guides are a proposal for base * product of guide^weight over whole answers (incremental weight Z_t).',
    ),
  select: z
    .enum(['best', 'sample'])
    .default('best')
    .describe(
      'The answer of the highest reward (of the lowest where lambda is negative), or one drawn by the weights.',
    ),
  compat: z
    .enum(['its_hub', 'fkd'])
    .optional()
    .describe('Reproduce the particle filter of its_hub or the reference FKD class, defects included.'),
})

export type RewardReference = z.output<typeof rewardReference>
export type BestOfOptions = z.output<typeof bestOfOptions>
export type ParticleOptions = z.output<typeof particleOptions>
