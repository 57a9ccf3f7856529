import { openCheckpoint } from '../decoding/checkpoint/checkpoint.ts'
import { openLoraAdapter } from '../decoding/checkpoint/lora-adapter.ts'
import { openModelText } from '../decoding/checkpoint/model-text.ts'
import { CheckpointError } from '../decoding/errors.ts'
import { openRewards } from '../rm/open-rewards.ts'
import type { RewardDefinition } from '../rm/reward-catalogue.ts'
import { remoteRewardLine } from './check-remote-reward.ts'
import { checkUpstreams } from './check-upstreams.ts'
import type { Config } from './config.ts'
import type { Environment } from './config-file.ts'
import type { EngineSetup } from './engine-messages.ts'
import { engineSetup } from './engine-setup.ts'
import { pullModels } from './pull.ts'
import { vocabularyDifference } from './vocabulary.ts'

type Checkpoint = Awaited<ReturnType<typeof openCheckpoint>>

/**
 * Opens everything a configuration names, reading headers and tokenizers of models and whole reward checkpoints, and asks every upstream;
 * returns what it found, in lines. An upstream that is down is told and no error: it may come up later.
 * @throws CheckpointError for what could not be served
 */
export async function check(config: Config, environment: Environment): Promise<string> {
  const setup = await pullModels(engineSetup(config), environment)
  const lines: string[] = []
  const checkpoints = new Map<string, Checkpoint>()
  for (const { name, source, weights, contextLength, adapters } of setup.models) {
    const options = { cacheFolder: setup.options.cacheFolder }
    const checkpoint = await openCheckpoint(source, options)
    checkpoints.set(name, checkpoint)
    const { architecture, layerCount, maxPositions } = checkpoint.config
    const context = Math.min(contextLength ?? maxPositions, maxPositions)
    lines.push(`model ${name}: ${architecture}, ${layerCount} layers, ${weights}, ${context} tokens of context`)
    for (const adapter of adapters) {
      const { pairs } = await openLoraAdapter(adapter.source, checkpoint.config, options)
      lines.push(`adapter ${adapter.name} of ${name}: ${pairs.size} projections`)
    }
  }
  for (const checkpoint of checkpoints.values()) checkpoint.tensors.close()
  assertVocabularies(setup, checkpoints)
  for (const [name, definition] of setup.rewards) lines.push(await rewardLine(name, definition, setup))
  lines.push(...(await checkUpstreams(config)))
  const { guides, objectives, rewards, policies, aliases } = config
  const counts = [
    count(guides, 'guide', 'guides'),
    count(objectives, 'objective', 'objectives'),
    count(rewards, 'reward', 'rewards'),
    count(policies, 'policy', 'policies'),
    count(aliases, 'alias', 'aliases'),
  ]
  lines.push(counts.join(', '), 'The configuration is valid.')
  return `${lines.join('\n')}\n`
}

/** Checkpoints are opened whole: whether a head fits what is asked of it shows only there, and rewards are small. */
async function rewardLine(name: string, definition: RewardDefinition, setup: EngineSetup): Promise<string> {
  const { options } = setup
  if (definition.kind === 'remote') return await remoteRewardLine(name, definition, setup)
  if (!('checkpoint' in definition)) return `reward ${name}: ${definition.kind}`
  const { close } = await openRewards(new Map([[name, definition]]), noScorer, options)
  await close()
  return `reward ${name}: ${definition.kind}, ${definition.checkpoint.weights}`
}

/** Rewards with a checkpoint of their own read with no model of the engine. */
const noScorer = {
  models: new Map(),
  tokenLogprobs: () => Promise.reject(new Error('no model is loaded')),
}

function count(members: object, singular: string, plural: string): string {
  const many = Object.keys(members).length
  return `${many} ${many === 1 ? singular : plural}`
}

function assertVocabularies(setup: EngineSetup, checkpoints: ReadonlyMap<string, Checkpoint>): void {
  const texts = new Map<string, Pick<Checkpoint, 'tokenizer' | 'source'>>([
    ...checkpoints,
    ...setup.upstreamModels.map(({ name, tokenizer }) => [name, openModelText(tokenizer)] as const),
  ])
  for (const [name, guide] of setup.catalogue.guides) {
    if (guide.kind !== 'genarm' && guide.kind !== 'unir') continue
    const own = texts.get(guide.model)!
    const differences = setup.served.map((base) => vocabularyDifference(texts.get(base)!.tokenizer, own.tokenizer))
    if (differences.includes(undefined)) continue
    throw new CheckpointError(
      own.source,
      `the guide '${name}' has another vocabulary: ${differences[0] ?? 'no model is served, so that all tokens'} differ (base / guide)`,
    )
  }
}
