import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config, ConfigInput } from './config.ts'
import { type Environment, type Overrides, parseConfig, readConfigFile, resolveSource } from './config-file.ts'
import { ConfigError } from './environment-references.ts'

/** Options of `trimtab serve` and `trimtab check`, as commander gives them. */
export interface Flags {
  readonly config?: string
  readonly model?: string
  readonly name?: string
  readonly weights?: string
  readonly context?: number
  readonly guide?: readonly string[]
  readonly host?: string
  readonly port?: number
  readonly memory?: string
  readonly threads?: number
  readonly maxRunning?: number
}

const embeddedFamily = fileURLToPath(new URL('../../models/tiny/trimtab.yaml', import.meta.url))

/**
 * The configuration a command line asks for: a file, one model, or the embedded family.
 * @throws ConfigError
 */
export function configFromFlags(flags: Flags, environment: Environment): Config {
  const overrides = overridesOf(flags)
  if (flags.model === undefined) {
    for (const flag of ['name', 'weights', 'context', 'guide'] as const) {
      if (flags[flag] !== undefined)
        throw new ConfigError(`--${flag} belongs to --model; put it into the configuration file`)
    }
    return readConfigFile(flags.config ?? embeddedFamily, environment, overrides)
  }
  if (flags.config !== undefined) throw new ConfigError('give either --config or --model, not both')
  return parseConfig({ ...overrides, ...singleModel(flags, flags.model) }, 'The command line')
}

function singleModel(flags: Flags, source: string): Pick<ConfigInput, 'models' | 'guides'> {
  const path = resolveSource(source, process.cwd(), '--model')
  const name = flags.name ?? (path === source && !path.startsWith('/') ? source : basename(path))
  const guides = (flags.guide ?? []).map(parseGuideFlag)
  const taken = [name, ...guides.flatMap((guide) => Object.keys(guide.guides ?? {}))]
  const twice = taken.find((one, index) => taken.indexOf(one) !== index)
  if (twice !== undefined) throw new ConfigError(`--guide ${twice}: the name is taken; give each guide one of its own`)
  const settings = withoutUndefined({ weights: flags.weights, context: flags.context })
  return {
    models: Object.assign({ [name]: { path, ...settings } }, ...guides.map((guide) => guide.models)),
    guides: Object.assign({}, ...guides.map((guide) => guide.guides)),
  }
}

/** `name=folder` or `name=unir:folder`: a PEFT adapter of the model, or else a model of its own. */
function parseGuideFlag(flag: string): Required<Pick<ConfigInput, 'models' | 'guides'>> {
  const [, name, kind = 'genarm', source] = /^([^=]+)=(?:(genarm|unir):)?(.+)$/.exec(flag) ?? []
  if (name === undefined || source === undefined) {
    throw new ConfigError(`--guide ${flag}: write name=folder or name=unir:folder`)
  }
  const path = resolveSource(source, process.cwd(), `--guide ${name}`)
  const known = kind === 'unir' ? 'unir' : 'genarm'
  if (existsSync(join(path, 'adapter_config.json'))) {
    return { models: {}, guides: { [name]: { kind: known, adapter: path } } }
  }
  return { models: { [name]: { path, served: false } }, guides: { [name]: { kind: known, model: name } } }
}

function overridesOf(flags: Flags): Overrides {
  return {
    server: withoutUndefined({ host: flags.host, port: flags.port }),
    engine: withoutUndefined({ memory: flags.memory, threads: flags.threads, max_running: flags.maxRunning }),
  }
}

function withoutUndefined<Value extends object>(value: Value): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never
}
