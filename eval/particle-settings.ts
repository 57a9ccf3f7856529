import type { ParticleOptions } from '../src/guidance/whole-answer-options.ts'
import type { Task } from './task.ts'

type Settings = Partial<Omit<ParticleOptions, 'n' | 'reward'>>

/**
 * How strongly particles follow each task's reward, whose scale decides it, and where they are judged. Chosen on 30 prompts
 * with another seed.
 */
const settings: Readonly<Record<string, Settings>> = {
  sums: { at: 'step', delimiter: '. ', lambda: 10 },
  reviews: { at: 'sentence', lambda: 1 },
  formality: { at: 'sentence', lambda: 4 },
}

/** Particles judged by the task's reward. */
export const particlesOf = ({ name, reward }: Task, n: number, own: Settings = {}) => {
  return { particles: { n, reward, ...(settings[name] ?? {}), ...own } } as const
}
