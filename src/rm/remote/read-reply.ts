import { z } from 'zod'
import type { Verdict } from '../reward.ts'
import { plainVerdict } from '../reward-verdicts.ts'
import { MalformedReply } from './wire-format.ts'

/** A finite number: JSON has no other, and null, "0.5" and true are none. */
export const number = z.number()

const index = z.int().min(0)

/** @throws MalformedReply naming the first field that is not as it should be */
export function read<Schema extends z.ZodType>(schema: Schema, reply: unknown): z.output<Schema> {
  const result = schema.safeParse(reply)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue!.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  throw new MalformedReply(
    `something else than its format says: ${path.replace(/^\./, '') || 'the reply'}: ${issue!.message}`,
  )
}

/** @throws MalformedReply unless there are as many as were asked for */
export function counted<Entry>(entries: readonly Entry[], count: number, what = 'scores'): readonly Entry[] {
  if (entries.length === count) return entries
  throw new MalformedReply(`${entries.length} ${what} where ${count} were due`)
}

/** Entries that carry their own place, such as those of a list that is sorted by score. */
export const indexed = <Shape extends z.ZodRawShape>(shape: Shape) => z.array(z.looseObject({ index, ...shape }))

/** @throws MalformedReply unless each of `count` places is taken once */
export function inOrder<Entry extends { readonly index: number }>(entries: readonly Entry[], count: number): Entry[] {
  counted(entries, count)
  const ordered: (Entry | undefined)[] = Array.from({ length: count }, () => undefined)
  for (const entry of entries) {
    if (entry.index >= count) throw new MalformedReply(`a score of item ${entry.index}, where there are ${count}`)
    if (ordered[entry.index] !== undefined) throw new MalformedReply(`two scores of item ${entry.index}`)
    ordered[entry.index] = entry
  }
  return ordered as Entry[]
}

/**
 * The one of several numbers that is the score.
 * @param label its place; undefined where there is to be one only
 * @param labels how many there are to be, where that was configured
 * @throws MalformedReply for another number of labels, as of another model under the same name
 */
export function labelled(values: readonly number[], label: number | undefined, labels?: number): number {
  const due = labels ?? (label === undefined ? 1 : undefined)
  if (due !== undefined && values.length !== due) {
    const hint = labels === undefined && values.length > 1 ? ': say with `label` which one is the score' : ''
    throw new MalformedReply(`${values.length} labels where ${due} ${due === 1 ? 'was' : 'were'} due${hint}`)
  }
  const score = values[label ?? 0]
  if (score === undefined) throw new MalformedReply(`${values.length} labels, none of which is number ${label}`)
  return score
}

export const plainVerdicts = (scores: readonly number[]): readonly Verdict[] => scores.map(plainVerdict)
