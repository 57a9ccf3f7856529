import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What one command found. */
export interface Results {
  /** Of the files. */
  readonly name: string
  readonly markdown: string
  readonly json: unknown
  /** Absent: no figure. */
  readonly svg?: string
}

/** Writes a table, its numbers and their figure, and prints the table. */
export function writeResults(folder: string, { name, markdown, json, svg }: Results): void {
  mkdirSync(folder, { recursive: true })
  const file = (ending: string) => join(folder, `${name}.${ending}`)
  writeFileSync(file('md'), `${markdown}\n`)
  writeFileSync(file('json'), `${JSON.stringify(json, undefined, 1)}\n`)
  if (svg !== undefined) writeFileSync(file('svg'), svg)
  const endings = svg === undefined ? '{md,json}' : '{md,json,svg}'
  process.stdout.write(`${markdown}\n\nWritten to ${file(endings)}\n`)
}
