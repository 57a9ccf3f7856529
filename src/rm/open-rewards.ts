import {
  type ClassifierOptions,
  type ClassifierSpec,
  type LoadedClassifier,
  openClassifier,
} from '../decoding/local/classifier.ts'
import type { CausalScorer } from './causal-scorer.ts'
import { openReward } from './open-reward.ts'
import type { Reward } from './reward.ts'
import type { RewardCatalogue } from './reward-catalogue.ts'

export interface OpenedRewards {
  readonly rewards: ReadonlyMap<string, Reward>
  close(): Promise<void>
}

/**
 * Opens every reward of a catalogue; rewards that read the same checkpoint share it.
 * @throws CheckpointError naming what is missing, damaged or not supported; nothing stays open then
 */
export async function openRewards(
  catalogue: RewardCatalogue,
  scorer: CausalScorer,
  options: ClassifierOptions,
  onProgress?: (message: string) => void,
): Promise<OpenedRewards> {
  const classifiers = new Map<string, LoadedClassifier>()
  const open = async (spec: ClassifierSpec): Promise<LoadedClassifier> => {
    const key = JSON.stringify([spec.source, spec.weights, spec.contextLength])
    const classifier = classifiers.get(key) ?? (await openClassifier(spec, options, onProgress))
    classifiers.set(key, classifier)
    return classifier
  }
  const close = async () => {
    for (const classifier of classifiers.values()) await classifier.close()
  }
  const rewards = new Map<string, Reward>()
  try {
    for (const [name, definition] of catalogue)
      rewards.set(name, await openReward(name, definition, { scorer, rewards, openClassifier: open }))
  } catch (error) {
    await close()
    throw error
  }
  return { rewards, close }
}
