import type { AlignmentDescription } from '../../src/server/alignment-catalogue.ts'
import type { Setting } from './setting.ts'

/** A setting worth a look; shown where the server has what it names. */
export interface Example {
  readonly title: string
  readonly needs: { readonly guides?: readonly string[]; readonly rewards?: readonly string[] }
  readonly setting: Partial<Setting>
}

const sum = 'What is 68 + 7 - 9?'

const examples: readonly Example[] = [
  {
    title: 'A kinder review',
    needs: { guides: ['positive', 'formal'] },
    setting: { prompt: 'Write a review of the Abbey Hotel.', seed: 2, guides: { positive: 1 } },
  },
  {
    title: 'A formal reply',
    needs: { guides: ['positive', 'formal'] },
    setting: {
      prompt: 'Reply to this guest of the Harbour Hotel: The bed was very bad.',
      seed: 1,
      guides: { formal: 1, positive: 0.4 },
    },
  },
  {
    title: 'Sums, mended token by token',
    needs: { guides: ['reasoner'] },
    setting: { prompt: sum, seed: 2, guides: { reasoner: 1 } },
  },
  {
    title: 'Sums, best of 8',
    needs: { rewards: ['steps', 'positivity'] },
    setting: {
      prompt: sum,
      seed: 2,
      method: 'best_of',
      bestOf: { n: 8, reward: 'steps', select: 'best', pruneAt: [10, 21] },
    },
  },
  {
    title: 'Sums, by particles',
    needs: { rewards: ['steps', 'positivity'] },
    setting: {
      prompt: sum,
      seed: 2,
      method: 'particles',
      particles: { n: 6, reward: 'steps', lambda: 4, at: 'tokens', every: 7, threshold: 0.7 },
    },
  },
]

/** What any chat model can do. */
const anyModel: readonly Example[] = [
  {
    title: 'One short sentence',
    needs: {},
    setting: {
      prompt: 'What does a heart do?',
      principle: 'Answer in one short sentence.',
      principleWeight: 1.5,
      temperature: 0,
      maxTokens: 160,
    },
  },
]

export function fittingExamples(offer: AlignmentDescription): readonly Example[] {
  const has = (kind: 'guides' | 'rewards', names: readonly string[] = []) =>
    names.every((name) => offer[kind].some(({ id }) => id === name))
  const fitting = examples.filter(({ needs }) => has('guides', needs.guides) && has('rewards', needs.rewards))
  return fitting.length > 0 ? fitting : anyModel
}
