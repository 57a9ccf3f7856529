import type { CausalReader } from './causal-scorer.ts'
import { checkpointDefinition } from './checkpoint-reward-definition.ts'
import type { RewardCatalogue, RewardDefinition } from './reward-catalogue.ts'
import type { RewardOptions } from './reward-options.ts'

/** The model, and perhaps its adapter, that a trained guide is. */
export type GuideReader = (guide: string) => Pick<CausalReader, 'model' | 'adapter'>

/** The configuration's `rewards` as the engine process takes them, with the parts of every combination before it. */
export function rewardCatalogue(
  rewards: Readonly<Record<string, RewardOptions>>,
  guideReader: GuideReader,
): RewardCatalogue {
  const catalogue = new Map<string, RewardDefinition>()
  const add = (name: string): void => {
    const definition = rewardDefinition(rewards[name]!, guideReader)
    if (definition.kind === 'combination')
      for (const part of Object.keys(definition.weights)) if (!catalogue.has(part)) add(part)
    catalogue.set(name, definition)
  }
  for (const name of Object.keys(rewards)) if (!catalogue.has(name)) add(name)
  return catalogue
}

/** One reward's options as a definition: defaults are filled in, guides are looked up. */
export function rewardDefinition(options: RewardOptions, guideReader: GuideReader): RewardDefinition {
  switch (options.kind) {
    case 'classifier':
    case 'attributes':
    case 'process':
    case 'pairwise':
      return checkpointDefinition(options)
    case 'implicit': {
      const { kind, beta, separator } = options
      const [policy, reference] = [options.policy, options.reference].map((side) => readerOf(side, guideReader))
      return { kind, beta, separator, policy: policy!, reference: reference! }
    }
    case 'arm': {
      const { kind, per_token: perToken, end_token: endToken } = options
      return { kind, reader: readerOf(options, guideReader), perToken, endToken }
    }
    case 'length': {
      const { kind, unit, target, model } = options
      const band = { min: target ?? options.min ?? 0, max: target ?? options.max ?? Number.POSITIVE_INFINITY }
      return { kind, unit, band, model }
    }
    case 'combination':
      return { kind: options.kind, weights: options.rewards, zScore: options.z_score }
    case 'regex':
    case 'json':
    case 'arithmetic':
    case 'bleu':
    case 'remote':
      return options
  }
}

interface ReaderOptions {
  readonly model?: string | undefined
  readonly guide?: string | undefined
  readonly principle?: string | undefined
}

/** The schema saw to it that there is either a model or a guide. */
function readerOf({ model, guide, principle }: ReaderOptions, guideReader: GuideReader): CausalReader {
  const found = guide === undefined ? { model: model!, adapter: undefined } : guideReader(guide)
  return { ...found, principle }
}
