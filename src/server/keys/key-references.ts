import type { Config } from '../config.ts'
import { servedModels } from '../configured-models.ts'
import type { FieldProblem } from '../field-problem.ts'

/** Names in `keys` that lead nowhere, and keys that are the same. */
export function keyProblems(config: Config): readonly FieldProblem[] {
  const models = [...servedModels(config), ...Object.keys(config.aliases)]
  const policies = [...Object.keys(config.policies), 'inline']
  const owners = new Map<string, string>()
  return Object.entries(config.keys).flatMap(([name, key]) => [
    ...unknownNames(`keys.${name}.models`, 'model', key.models, models),
    ...unknownNames(`keys.${name}.policies`, 'policy', key.policies, policies),
    ...[key.hash].flat().flatMap((hash) => {
      const owner = owners.get(hash)
      owners.set(hash, name)
      return owner === undefined ? [] : [{ path: `keys.${name}.hash`, message: `is the key of '${owner}' too` }]
    }),
  ])
}

function unknownNames(
  path: string,
  what: string,
  given: readonly string[] = [],
  known: readonly string[],
): readonly FieldProblem[] {
  return given.flatMap((name, index) =>
    known.includes(name)
      ? []
      : [{ path: `${path}[${index}]`, message: `the ${what} '${name}' does not exist; known: ${known.join(', ')}` }],
  )
}
