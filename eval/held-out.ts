import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const talkMeta = z.object({ kind: z.string(), domain: z.string(), entity: z.string() })
const sumMeta = z.object({ operands: z.array(z.int()), operators: z.array(z.enum(['+', '-'])), answer: z.int() })

const sumRows = z.array(z.object({ prompt: z.string(), meta: sumMeta }))

const heldOutSchema = z.object({ talk: z.array(z.object({ prompt: z.string(), meta: talkMeta })), sums: sumRows })

/** What an answer to a review or reply prompt has to be about. */
export type TalkMeta = z.output<typeof talkMeta>
/** The problem a prompt asks to work out. */
export type SumMeta = z.output<typeof sumMeta>
/** Prompts that no training script has drawn. */
export type HeldOut = z.output<typeof heldOutSchema>
export type Topic = keyof HeldOut
export type SumRow = HeldOut['sums'][number]

/** Reads heldout.json of a family's folder. */
export function readHeldOut(folder: string): HeldOut {
  return heldOutSchema.parse(JSON.parse(readFileSync(join(folder, 'heldout.json'), 'utf8')))
}

/** The first `count` sums of a file other than heldout.json, such as those that settings are chosen on. */
export function readSums(file: string, count: number): readonly SumRow[] {
  return sumRows.parse(JSON.parse(readFileSync(file, 'utf8'))).slice(0, count)
}

/** The first `count` prompts, begun again from the first when there are fewer. */
export function cycle<Row>(rows: readonly Row[], count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => rows[index % rows.length]!)
}
