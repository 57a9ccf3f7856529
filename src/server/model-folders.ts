import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineSetup } from './engine-messages.ts'
import { ConfigError } from './environment-references.ts'

/**
 * A quick look into every folder before the port is opened; the engine reads them in earnest.
 * @throws ConfigError for the first that is no checkpoint or adapter
 */
export function assertModelFolders({ models }: EngineSetup): void {
  for (const { name, source, adapters } of models) {
    assertHolds(source, 'config.json', `the model '${name}'`)
    for (const adapter of adapters) assertHolds(adapter.source, 'adapter_config.json', `the guide '${adapter.name}'`)
  }
}

function assertHolds(folder: string, file: string, whose: string): void {
  if (existsSync(join(folder, file))) return
  const fault = existsSync(folder) ? `has no ${file}` : 'does not exist'
  throw new ConfigError(
    `${whose}: the folder ${folder} ${fault}; give one in Hugging Face layout, or a hub id (org/name).`,
  )
}
