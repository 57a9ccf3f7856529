import type { ClassifierSpec } from '../decoding/local/classifier.ts'
import type { ArithmeticScore } from './arithmetic.ts'
import type { ArmOptions } from './arm-reward.ts'
import type { AttributeOptions } from './attributes.ts'
import type { ClassifierRewardOptions } from './classifier.ts'
import type { ImplicitOptions } from './implicit.ts'
import type { JsonSchema } from './json-schema.ts'
import type { LengthBand, LengthUnit } from './length.ts'
import type { PairwiseOptions } from './pairwise.ts'
import type { ProcessOptions } from './process.ts'
import type { RegexOptions } from './regex.ts'
import type { RemoteOptions } from './remote/wire-formats.ts'

/** A reward that loads a checkpoint of its own. */
interface OfCheckpoint<Kind extends string, Options> {
  readonly kind: Kind
  readonly checkpoint: Omit<ClassifierSpec, 'name'>
  readonly options: Options
}

export type CheckpointDefinition =
  | OfCheckpoint<'classifier', ClassifierRewardOptions>
  | (OfCheckpoint<'attributes', AttributeOptions> & { readonly weights: Readonly<Record<string, number>> })
  | OfCheckpoint<'process', ProcessOptions>
  | OfCheckpoint<'pairwise', PairwiseOptions>

export interface LengthDefinition {
  readonly kind: 'length'
  readonly unit: LengthUnit
  readonly band: LengthBand
  /** Whose tokens are counted; for that unit only. */
  readonly model: string | undefined
}

export interface CombinationDefinition {
  readonly kind: 'combination'
  /** Weights by the names of other rewards. */
  readonly weights: Readonly<Record<string, number>>
  readonly zScore: boolean
}

/** What one configured reward is made of. Plain data: it crosses the process boundary. */
export type RewardDefinition =
  | CheckpointDefinition
  | ({ readonly kind: 'implicit' } & ImplicitOptions)
  | ({ readonly kind: 'arm' } & ArmOptions)
  | LengthDefinition
  | ({ readonly kind: 'regex' } & RegexOptions)
  | { readonly kind: 'json'; readonly schema: JsonSchema }
  | { readonly kind: 'arithmetic'; readonly score: ArithmeticScore }
  | { readonly kind: 'bleu' }
  | RemoteOptions
  | CombinationDefinition

/** What requests may be judged by, by name; a combination stands behind its parts. */
export type RewardCatalogue = ReadonlyMap<string, RewardDefinition>
