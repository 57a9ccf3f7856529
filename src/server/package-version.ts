import { readFileSync } from 'node:fs'

// Beside the manifest in a checkout and in an installed package alike.
const manifest: { readonly version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
)

/** What `trimtab --version` says. */
export const packageVersion = manifest.version
