import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AlignmentOptions } from '../src/guidance/alignment-options.ts'
import type { Config } from '../src/server/config.ts'
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
    fingerprint: (alignment) => sourcesOf(config, name, alignment).map(contentOf).join('-'),
    close: () => engine.close(),
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
