import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AlignmentOptions } from '../src/guidance/alignment-options.ts'
import type { RewardReference } from '../src/guidance/whole-answer-options.ts'
import type { Config } from '../src/server/config.ts'
import { localModels } from '../src/server/configured-models.ts'
import { engineSetup } from '../src/server/engine-setup.ts'
import { openGenerationEngine } from '../src/server/open-generation-engine.ts'
import type { GenerationEngine } from '../src/server/plan-generation.ts'

/** A served model with its guides, loaded as the server loads them, but into this process. */
export interface EvaluatedModel {
  readonly engine: GenerationEngine
  readonly name: string
  /** Names what an alignment's answers depend on; changes when any of the weights involved does. */
  fingerprint(alignment: AlignmentOptions): string
  close(): Promise<void>
}

/** Loads everything a configuration names; its first served model is the one evaluated. */
export async function openEvaluatedModel(config: Config): Promise<EvaluatedModel> {
  const setup = engineSetup(config)
  const engine = await openGenerationEngine(setup, (message) => process.stderr.write(`${message}\n`))
  const hashes = new Map<string, string>()
  const contentOf = (folder: string): string => {
    const hash = hashes.get(folder) ?? contentHash(folder)
    hashes.set(folder, hash)
    return hash
  }
  const name = setup.served[0]!
  return {
    engine,
    name,
    fingerprint: (alignment) => {
      const weights = sourcesOf(config, name, alignment).map(contentOf)
      return [...weights, ...rewardsOf(config, alignment).map((reward) => rewardHash(config, reward, contentOf))].join(
        '-',
      )
    },
    close: () => engine.close(),
  }
}

function sourcesOf(config: Config, base: string, { guides = [] }: AlignmentOptions): readonly string[] {
  return [localModels(config)[base]!.path, ...guides.flatMap(({ guide }) => guideSource(config, guide))]
}

function guideSource(config: Config, guide: string | undefined): readonly string[] {
  const definition = guide === undefined ? undefined : config.guides[guide]
  if (definition === undefined || !('kind' in definition)) return []
  return [definition.adapter ?? localModels(config)[definition.model ?? '']?.path ?? []].flat()
}

/** Names of the rewards that choose. */
function rewardsOf(config: Config, alignment: AlignmentOptions): readonly string[] {
  const named = Object.values(alignment).flatMap((method: unknown) => {
    if (typeof method !== 'object' || method === null || !('reward' in method)) return []
    const reference = method.reward as RewardReference
    return typeof reference === 'string' ? [reference] : Object.keys(reference)
  })
  const parts = (name: string): readonly string[] => {
    const reward = config.rewards[name]
    return reward?.kind === 'combination' ? [name, ...Object.keys(reward.rewards).flatMap(parts)] : [name]
  }
  return [...new Set(named.flatMap(parts))].sort()
}

/** Of a reward's definition and of every folder it reads. */
function rewardHash(config: Config, name: string, contentOf: (source: string) => string): string {
  const reward = config.rewards[name]
  if (reward === undefined) return ''
  const folders = 'path' in reward ? [reward.path] : readersOf(config, reward)
  const hash = createHash('sha256').update(JSON.stringify({ ...reward, path: undefined }))
  for (const folder of folders) hash.update(contentOf(folder))
  return hash.digest('hex').slice(0, 12)
}

interface Reader {
  readonly model?: string | undefined
  readonly guide?: string | undefined
}

function readersOf(config: Config, reward: Config['rewards'][string]): readonly string[] {
  const readers: readonly Reader[] =
    reward.kind === 'implicit' ? [reward.policy, reward.reference] : reward.kind === 'arm' ? [reward] : []
  return readers.flatMap(({ model, guide }) => {
    const own = model === undefined ? [] : (localModels(config)[model]?.path ?? [])
    return [own, guide === undefined ? [] : guideSource(config, guide)].flat()
  })
}

/** A hub id, which is no folder, names its content itself. */
function contentHash(source: string): string {
  const hash = createHash('sha256').update(existsSync(source) ? '' : source)
  const files = existsSync(source) ? readdirSync(source).filter((file) => /\.(safetensors|json)$/.test(file)) : []
  for (const file of files.sort()) hash.update(readFileSync(join(source, file)))
  return hash.digest('hex').slice(0, 12)
}
