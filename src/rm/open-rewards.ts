import {
  type ClassifierOptions,
  type ClassifierSpec,
  type LoadedClassifier,
  openClassifier,
} from '../decoding/local/classifier.ts'
import { openUpstream } from '../decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import type { CausalScorer } from './causal-scorer.ts'
import { openReward } from './open-reward.ts'
import type { Reward } from './reward.ts'
import type { RewardCatalogue } from './reward-catalogue.ts'

export interface OpenedRewards {
  readonly rewards: ReadonlyMap<string, Reward>
  close(): Promise<void>
}

export interface RewardsOptions extends ClassifierOptions {
  /** Those that remote rewards may name. */
  readonly upstreams?: readonly UpstreamSettings[]
}

/**
 * Opens every reward of a catalogue; rewards that read the same checkpoint or upstream share it.
 * @throws CheckpointError naming what is missing, damaged or not supported; nothing stays open then
 */
export async function openRewards(
  catalogue: RewardCatalogue,
  scorer: CausalScorer,
  options: RewardsOptions,
  onProgress?: (message: string) => void,
): Promise<OpenedRewards> {
  const classifiers = new Map<string, LoadedClassifier>()
  const open = async (spec: ClassifierSpec): Promise<LoadedClassifier> => {
    const key = JSON.stringify([spec.source, spec.weights, spec.contextLength])
    const classifier = classifiers.get(key) ?? (await openClassifier(spec, options, onProgress))
    classifiers.set(key, classifier)
    return classifier
  }
  const clients = new Map<string, UpstreamClient>()
  const upstream = (name: string): UpstreamClient => {
    const client = clients.get(name) ?? openUpstream(settingsOf(name, options.upstreams))
    clients.set(name, client)
    return client
  }
  const close = async () => {
    for (const client of clients.values()) await client.close()
    for (const classifier of classifiers.values()) await classifier.close()
  }
  const rewards = new Map<string, Reward>()
  try {
    for (const [name, definition] of catalogue)
      rewards.set(name, await openReward(name, definition, { scorer, rewards, openClassifier: open, upstream }))
  } catch (error) {
    await close()
    throw error
  }
  return { rewards, close }
}

function settingsOf(name: string, upstreams: readonly UpstreamSettings[] = []): UpstreamSettings {
  const found = upstreams.find((settings) => settings.name === name)
  if (found !== undefined) return found
  throw new TypeError(`There is no upstream '${name}'; there are: ${upstreams.map((known) => known.name).join(', ')}.`)
}
