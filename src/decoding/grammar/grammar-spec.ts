import type { ToolFormat, ToolOffer } from '../tool-calls.ts'

/** What an answer must be, as data that can cross between processes. */
export type GrammarSpec = JsonSpec | ToolSpec

/** Any JSON object, or JSON by a schema. */
export type JsonSpec = { readonly type: 'json-object' } | { readonly type: 'json-schema'; readonly schema: unknown }

/** Calls of tools, or, where none need be, `otherwise`; undefined: any text. */
export interface ToolSpec {
  readonly type: 'tool-calls'
  readonly format: ToolFormat
  readonly offer: ToolOffer
  readonly otherwise: JsonSpec | undefined
}
