import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../src/server/config-file.ts'
import { resolveEnvironment } from '../../src/server/environment-references.ts'

/** An object of Kubernetes, as far as these checks look into it. */
export interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
}

/** @throws Error for YAML that does not parse */
export function manifestsOf(rendered: string): Manifest[] {
  const documents = parseAllDocuments(rendered)
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document) => {
    const [mistake] = document.errors
    if (mistake !== undefined) throw mistake
    const value: Manifest | null = document.toJS()
    return value === null ? [] : [value]
  })
}

/**
 * Checks a configuration against the server's own schema; secrets, which only the cluster has, may be anything.
 * @throws ConfigError with every mistake
 */
export function checkConfig(value: unknown, source: string): void {
  const anySecret = new Proxy<Record<string, string>>({}, { get: () => 'a-secret' })
  parseConfig(resolveEnvironment(value, anySecret), source)
}
