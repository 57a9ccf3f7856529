import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A checkpoint, perhaps with an adapter on it, and where transformers' numbers for it are. */
export interface RecordedCheckpoint {
  readonly name: string
  readonly folder: string
  readonly adapter: string | undefined
  /** Path without .json and .bin. */
  readonly recording: string
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const reference = join(root, 'test/reference')
export const tinyFolder = join(root, 'models/tiny')

/** Folder of one of the random models of test/reference/make_models.py. */
export const randomModel = (name: string): string => join(reference, 'models', name)

/** Folder of one of its adapters. */
export const randomAdapter = (name: string): string => join(reference, 'adapters', name)

/** All committed checkpoints: the random models and adapters, and the embedded family as far as it is there. */
export function committedCheckpoints(): RecordedCheckpoint[] {
  const adapterBases = new Map(foldersIn(join(reference, 'adapters')).map((name) => [name, baseOf(name)]))
  return [
    ...foldersIn(join(reference, 'models')).map((name) => checkpoint(name, randomModel(name), undefined)),
    ...[...adapterBases].map(([name, base]) => checkpoint(name, randomModel(base), randomAdapter(name))),
    ...tinyModels().map((name) => checkpoint(`tiny-${name}`, join(tinyFolder, name), undefined)),
    ...tinyAdapters().map(({ name, folder }) => checkpoint(`tiny-${name}`, join(tinyFolder, 'base'), folder)),
  ]
}

/** Names of the embedded family's causal models; its rewards have recordings of their own. */
export const tinyModels = (): string[] =>
  foldersIn(tinyFolder).filter((name) => {
    const config = join(tinyFolder, name, 'config.json')
    return existsSync(config) && readFileSync(config, 'utf8').includes('ForCausalLM')
  })

/** The embedded family's adapters, wherever below models/tiny they lie. */
export function tinyAdapters(): { readonly name: string; readonly folder: string }[] {
  const files = readdirSync(tinyFolder, { recursive: true, encoding: 'utf8' })
  const folders = files.filter((file) => file.endsWith('adapter_model.safetensors')).sort()
  return folders.map((file) => {
    const folder = join(tinyFolder, file, '..')
    return { name: folder.split('/').at(-1)!, folder }
  })
}

/** SmolLM2-135M-Instruct where this machine has it (TRIMTAB_SMOLLM2 names another place), else undefined. */
export function smolLm2(): RecordedCheckpoint | undefined {
  const folder = process.env['TRIMTAB_SMOLLM2'] ?? join(homedir(), '.cache/trimtab-dev/SmolLM2-135M-Instruct')
  if (!existsSync(join(folder, 'config.json'))) return undefined
  return { ...checkpoint('smollm2', folder, undefined), recording: smolLm2Recording() }
}

/** Made on demand: it is not committed. */
const smolLm2Recording = (): string =>
  process.env['TRIMTAB_SMOLLM2_RECORDING'] ?? join(homedir(), '.cache/trimtab-dev/parity/smollm2')

/** Prepared graphs of real models are kept between runs. */
export const realModelCache = (): string => join(homedir(), '.cache/trimtab-dev/parity/graphs')

const checkpoint = (name: string, folder: string, adapter: string | undefined): RecordedCheckpoint => ({
  name,
  folder,
  adapter,
  recording: join(reference, 'logits', name),
})

/** Adapters are named after their base: `${base}-${modules}`. */
const baseOf = (adapter: string): string => adapter.slice(0, adapter.lastIndexOf('-'))

const foldersIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
