import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEngine } from '../src/decoding/local/engine.ts'
import type { AlignmentOptions } from '../src/guidance/alignment-options.ts'
import type { Config } from '../src/server/config.ts'
import { engineSetup } from '../src/server/engine-setup.ts'
import { assertGuidesFit, modelDirectory } from '../src/server/model-directory.ts'
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
  const { models, served, options, catalogue } = engineSetup(config)
  const decoder = await openEngine(models, options, (message) => process.stderr.write(`${message}\n`))
  assertGuidesFit(decoder.models, served, catalogue)
  const hashes = new Map<string, string>()
  const contentOf = (folder: string): string => {
    const hash = hashes.get(folder) ?? contentHash(folder)
    hashes.set(folder, hash)
    return hash
  }
  const name = served[0]!
  return {
    engine: { decoder, models: decoder.models, directory: modelDirectory(decoder.models), catalogue },
    name,
    fingerprint: (alignment) => sourcesOf(config, name, alignment).map(contentOf).join('-'),
    close: () => decoder.close(),
  }
}

function sourcesOf(config: Config, base: string, { guides = [] }: AlignmentOptions): readonly string[] {
  const trained = guides.flatMap(({ guide }) => {
    const definition = guide === undefined ? undefined : config.guides[guide]
    if (definition === undefined || !('kind' in definition)) return []
    return definition.adapter ?? config.models[definition.model ?? '']?.path ?? []
  })
  return [config.models[base]!.path, ...trained]
}

/** A hub id, which is no folder, names its content itself. */
function contentHash(source: string): string {
  const hash = createHash('sha256').update(existsSync(source) ? '' : source)
  const files = existsSync(source) ? readdirSync(source).filter((file) => /\.(safetensors|json)$/.test(file)) : []
  for (const file of files.sort()) hash.update(readFileSync(join(source, file)))
  return hash.digest('hex').slice(0, 12)
}
