import type { Config } from './config.ts'
import type { Gateway } from './gateway.ts'
import type { Caller } from './keys/caller.ts'

/** What the configuration offers to steer and to judge by: names and kinds, never paths, texts of principles or patterns. */
export interface AlignmentCatalogue {
  readonly guides: readonly GuideCard[]
  readonly objectives: readonly ObjectiveCard[]
  readonly rewards: readonly RewardCard[]
}

export interface GuideCard {
  readonly id: string
  readonly kind: 'genarm' | 'unir' | 'contrast' | 'principle'
  /** The model that it is an adapter of, where the configuration names it. */
  readonly base?: string
}

export interface ObjectiveCard {
  readonly id: string
  readonly guide?: string
  readonly reward?: string
  readonly scale: number
}

export interface RewardCard {
  readonly id: string
  readonly kind: Config['rewards'][string]['kind']
}

export function alignmentCatalogue(config: Config): AlignmentCatalogue {
  return {
    guides: Object.entries(config.guides).map(([id, guide]) => guideCard(id, guide)),
    objectives: Object.entries(config.objectives).map(([id, { guide, reward, scale }]) => {
      return { id, ...(guide === undefined ? {} : { guide }), ...(reward === undefined ? {} : { reward }), scale }
    }),
    rewards: Object.entries(config.rewards).map(([id, { kind }]) => ({ id, kind })),
  }
}

function guideCard(id: string, guide: Config['guides'][string]): GuideCard {
  if ('principle' in guide) return { id, kind: 'principle' }
  if ('contrast' in guide) return { id, kind: 'contrast' }
  return { id, kind: guide.kind, ...(guide.base === undefined ? {} : { base: guide.base }) }
}

/** Body of GET /v1/alignment: all that a user interface must know to build a request. */
export function describeAlignment({ catalogue, models, engine, limits }: Gateway, caller?: Caller) {
  return {
    object: 'alignment',
    models: [...models.names]
      .filter(([id]) => caller?.mayUse(id) ?? true)
      .map(([id, { model, policy, upstream }]) => {
        const card = engine.state.models.find(({ name }) => name === model)
        return {
          id,
          ...(policy === undefined ? {} : { root: model, policy }),
          // An upstream's model without a tokenizer only passes requests through.
          steerable: upstream === undefined || upstream.steered === true,
          ...(card === undefined ? {} : { context: card.contextLength, chat: card.hasChatTemplate }),
        }
      }),
    ...catalogue,
    policies: [...models.policies.keys()],
    limits: {
      max_n: limits.maxChoices,
      default_max_tokens: limits.defaultMaxTokens,
      max_held_logprobs: limits.heldLogprobs,
    },
  }
}

export type AlignmentDescription = ReturnType<typeof describeAlignment>
