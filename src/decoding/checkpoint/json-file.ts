import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { z } from 'zod'
import { CheckpointError } from '../errors.ts'

/**
 * A checkpoint's JSON file, parsed and checked.
 * @throws CheckpointError naming the file, and the field where one is wrong
 */
export function readJsonFile<T>(source: string, path: string, schema: z.ZodType<T>): T {
  const file = basename(path)
  if (!existsSync(path)) throw new CheckpointError(source, `${file} is missing`)
  return parseJson(source, file, readFileSync(path, 'utf8'), schema)
}

/** The same for a file that a checkpoint may leave out: undefined then. */
export function readOptionalJsonFile<T>(source: string, path: string, schema: z.ZodType<T>): T | undefined {
  return existsSync(path) ? readJsonFile(source, path, schema) : undefined
}

/**
 * JSON text of the named part of a checkpoint, parsed and checked.
 * @throws CheckpointError naming the part, and the field where one is wrong
 */
export function parseJson<T>(source: string, part: string, text: string, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new CheckpointError(source, `${part} is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = issue?.path.map(String).join('.') ?? ''
  throw new CheckpointError(source, `${part}${path === '' ? '' : `: field '${path}'`}: ${issue?.message ?? 'invalid'}`)
}
