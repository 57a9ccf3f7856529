import { parse } from 'yaml'
import { formatPath } from './field-problem.ts'

/** A mistake in the configuration, told with the path of the key. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const reference = /\$\{(\w+)(?::-([^}]*))?\}/g
const onlyReference = /^\$\{[^}]*\}$/

/**
 * Puts environment variables into the texts of a parsed YAML document: `${NAME}`, or `${NAME:-default}`.
 * A value that is one reference and nothing else is read as YAML again, so that `port: ${PORT}` is a number.
 * @throws ConfigError naming an unset variable
 */
export function resolveEnvironment(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  path: readonly (string | number)[] = [],
): unknown {
  if (typeof value === 'string') return resolveText(value, environment, path)
  if (Array.isArray(value)) return value.map((item, index) => resolveEnvironment(item, environment, [...path, index]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, resolveEnvironment(member, environment, [...path, key])]),
  )
}

function resolveText(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  path: readonly (string | number)[],
): unknown {
  const resolved = text.replace(reference, (_, name: string, fallback: string | undefined) => {
    const found = environment[name] ?? fallback
    if (found === undefined) throw new ConfigError(`${formatPath(path)}: the environment variable ${name} is not set`)
    return found
  })
  if (!onlyReference.test(text)) return resolved
  const scalar: unknown = parse(resolved)
  return typeof scalar === 'number' || typeof scalar === 'boolean' ? scalar : resolved
}
