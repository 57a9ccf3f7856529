import type { ClassifierSpec, LoadedClassifier } from '../decoding/local/classifier.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import { arithmeticReward } from './arithmetic.ts'
import { armReward } from './arm-reward.ts'
import { attributeReward } from './attributes.ts'
import { bleuReward } from './bleu.ts'
import { type CausalScorer, findModel } from './causal-scorer.ts'
import { classifierReward } from './classifier.ts'
import { combinationReward } from './combination.ts'
import { implicitReward } from './implicit.ts'
import { jsonSchemaReward } from './json-schema.ts'
import { lengthReward } from './length.ts'
import { pairwiseReward } from './pairwise.ts'
import { processReward } from './process.ts'
import { regexReward } from './regex.ts'
import { endpoint } from './remote/endpoint.ts'
import { remoteReward } from './remote/remote-reward.ts'
import { openWireFormat, type RemoteOptions } from './remote/wire-formats.ts'
import type { Reward } from './reward.ts'
import type {
  CheckpointDefinition,
  CombinationDefinition,
  LengthDefinition,
  RewardDefinition,
} from './reward-catalogue.ts'
import { checkedReward } from './reward-verdicts.ts'

/** What rewards are made from. */
export interface RewardDependencies {
  /** The engine that has the causal models. */
  readonly scorer: CausalScorer
  /** The rewards opened so far, which a combination may hold. */
  readonly rewards: ReadonlyMap<string, Reward>
  openClassifier(spec: ClassifierSpec): Promise<LoadedClassifier>
  /** An upstream by its name; rewards of one upstream share its connections. */
  upstream(name: string): UpstreamClient
}

/**
 * The one place that knows which definition makes which reward.
 * @throws CheckpointError for a model, adapter or checkpoint that is missing, damaged or of the wrong kind
 */
export async function openReward(
  name: string,
  definition: RewardDefinition,
  dependencies: RewardDependencies,
): Promise<Reward> {
  return checkedReward(await rewardOf(name, definition, dependencies))
}

async function rewardOf(name: string, definition: RewardDefinition, dependencies: RewardDependencies): Promise<Reward> {
  switch (definition.kind) {
    case 'classifier':
    case 'attributes':
    case 'process':
    case 'pairwise':
      return await openCheckpointReward(name, definition, dependencies)
    case 'implicit':
      return implicitReward(name, definition, dependencies.scorer)
    case 'arm':
      return armReward(name, definition, dependencies.scorer)
    case 'length':
      return openLength(name, definition, dependencies)
    case 'regex':
      return regexReward(name, definition)
    case 'json':
      return jsonSchemaReward(name, definition.schema)
    case 'arithmetic':
      return arithmeticReward(name, definition.score)
    case 'bleu':
      return bleuReward(name)
    case 'remote':
      return openRemote(name, definition, dependencies)
    case 'combination':
      return openCombination(name, definition, dependencies)
  }
}

async function openCheckpointReward(
  name: string,
  definition: CheckpointDefinition,
  { openClassifier }: RewardDependencies,
): Promise<Reward> {
  const classifier = await openClassifier({ name, ...definition.checkpoint })
  switch (definition.kind) {
    case 'classifier':
      return classifierReward(name, classifier, definition.options)
    case 'attributes':
      return attributeReward(name, classifier, definition.weights, definition.options)
    case 'process':
      return processReward(name, classifier, definition.options)
    case 'pairwise':
      return pairwiseReward(name, classifier, definition.options)
  }
}

function openLength(name: string, { unit, band, model }: LengthDefinition, { scorer }: RewardDependencies): Reward {
  const tokenizer = model === undefined ? undefined : findModel(name, model, scorer).tokenizer
  return lengthReward(name, unit, band, tokenizer)
}

function openRemote(name: string, options: RemoteOptions, { upstream }: RewardDependencies): Reward {
  const ask = endpoint(upstream(options.upstream), options)
  return remoteReward(name, openWireFormat(name, options), { upstream: options.upstream, batch: options.batch, ask })
}

function openCombination(name: string, definition: CombinationDefinition, { rewards }: RewardDependencies): Reward {
  const parts = Object.entries(definition.weights).map(([part, weight]) => {
    const reward = rewards.get(part)
    if (reward === undefined)
      throw new TypeError(
        `The reward '${name}' holds '${part}', which was not opened before it: ${[...rewards.keys()]}.`,
      )
    return { reward, weight }
  })
  return combinationReward(name, parts, definition)
}
