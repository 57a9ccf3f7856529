import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { type Config, type ConfigInput, configSchema } from './config.ts'
import { brokenReferences } from './config-references.ts'
import { ConfigError, resolveEnvironment } from './environment-references.ts'
import { type FieldProblem, fieldProblems } from './field-problem.ts'
import { parseContext } from './field-wording.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Settings of the command line, which beat those of the file. */
export interface Overrides {
  readonly server?: NonNullable<ConfigInput['server']>
  readonly engine?: NonNullable<ConfigInput['engine']>
}

/**
 * Reads a YAML configuration; paths in it become absolute.
 * @throws ConfigError listing every mistake with its path
 */
export function readConfigFile(file: string, environment: Environment, overrides: Overrides = {}): Config {
  const content = resolveEnvironment(parseYaml(file), environment)
  const config = parseConfig(override(content, overrides), file)
  return withAbsolutePaths(config, dirname(resolve(file)), file)
}

function override(content: unknown, overrides: Overrides): unknown {
  if (!isObject(content)) return content
  const sections = Object.entries(overrides).map(([name, settings]) => {
    const section = content[name] ?? {}
    // A section of the wrong type is left for the schema to name.
    return [name, isObject(section) ? { ...section, ...settings } : section]
  })
  return { ...content, ...Object.fromEntries(sections) }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Checks a configuration that is already an object (from YAML or the command line).
 * @throws ConfigError
 */
export function parseConfig(value: unknown, source: string): Config {
  const result = configSchema.safeParse(value ?? {}, parseContext)
  if (!result.success) throw configError(source, fieldProblems(result.error))
  const broken = brokenReferences(result.data)
  if (broken.length > 0) throw configError(source, broken)
  return result.data
}

/**
 * A folder as an absolute path, or a hub id as it stands.
 * @throws ConfigError when it is neither
 */
export function resolveSource(source: string, folder: string, blame: string): string {
  const path = resolve(folder, source)
  if (existsSync(path) && statSync(path).isDirectory()) return path
  if (!/^\.{0,2}\//.test(source) && /^[\w.-]+\/[\w.-]+$/.test(source)) return source
  const fault = existsSync(path) ? `${path} is no folder` : `the folder ${path} does not exist`
  throw new ConfigError(`${blame}: ${fault}`)
}

function parseYaml(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(`${file}: ${code === 'ENOENT' ? 'the file does not exist' : `cannot be read (${code})`}`)
  }
  const document = parseDocument(text)
  const [mistake] = document.errors
  if (mistake !== undefined) throw new ConfigError(`${file}: ${mistake.message}`)
  return document.toJS()
}

function configError(source: string, problems: readonly FieldProblem[]): ConfigError {
  const lines = problems.map(({ path, message }) => `  ${path === '' ? '(top)' : path}: ${message}`)
  return new ConfigError([`${source} is not a valid configuration:`, ...lines].join('\n'))
}

function withAbsolutePaths(config: Config, folder: string, file: string): Config {
  const models = mapValues(config.models, (model, name) => {
    if ('upstream' in model) return withTokenizer(model, folder, `${file}: models.${name}.tokenizer`)
    return { ...model, path: resolveSource(model.path, folder, `${file}: models.${name}.path`) }
  })
  const guides = mapValues(config.guides, (guide, name) => {
    if (!('adapter' in guide) || guide.adapter === undefined) return guide
    return { ...guide, adapter: resolveSource(guide.adapter, folder, `${file}: guides.${name}.adapter`) }
  })
  const rewards = mapValues(config.rewards, (reward, name) => {
    if ('tokenizer' in reward) return withTokenizer(reward, folder, `${file}: rewards.${name}.tokenizer`)
    if (!('path' in reward)) return reward
    return { ...reward, path: resolveSource(reward.path, folder, `${file}: rewards.${name}.path`) }
  })
  const { cache, ...engine } = config.engine
  return {
    ...config,
    models,
    guides,
    rewards,
    engine: cache === undefined ? engine : { ...engine, cache: resolve(folder, cache) },
  }
}

/** A model or a reward of an upstream, whose tokenizer may be at hand. */
function withTokenizer<Owner extends { readonly tokenizer?: string | undefined }>(
  owner: Owner,
  folder: string,
  blame: string,
): Owner {
  const { tokenizer } = owner
  if (tokenizer === undefined) return owner
  const path = resolve(folder, tokenizer)
  if (existsSync(path) && statSync(path).isDirectory()) return { ...owner, tokenizer: path }
  throw new ConfigError(`${blame}: the folder ${path} does not exist`)
}

function mapValues<Value>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, name: string) => Value,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]))
}
