import { alignmentOptions } from '../guidance/alignment-options.ts'
import { ApiProblem } from './api-problem.ts'

const alignmentFields: ReadonlySet<string> = new Set(Object.keys(alignmentOptions.shape))

/**
 * Refuses what is a field, but of another place than the top of the body.
 * @param known the fields that the route has there
 * @throws ApiProblem saying where it belongs
 */
export function refuseMisplaced(
  body: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, unknown>>,
): void {
  for (const field of Object.keys(body)) {
    if (Object.hasOwn(known, field)) continue
    const remedy = remedyFor(field)
    if (remedy !== undefined) throw new ApiProblem('invalid-request', `'${field}' ${remedy}.`, { param: field })
  }
}

function remedyFor(field: string): string | undefined {
  if (alignmentFields.has(field)) return "belongs in 'alignment'"
  // An argument of the Python client, which other clients send as it stands.
  if (field === 'extra_body') return "belongs to the Python client: write its fields, such as 'alignment', in its place"
  return undefined
}
