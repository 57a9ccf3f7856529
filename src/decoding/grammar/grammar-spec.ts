/** What an answer must be, as data that can cross between processes. */
export type GrammarSpec = { readonly type: 'json-object' } | { readonly type: 'json-schema'; readonly schema: unknown }
