import type { z } from 'zod'
import type { AlignmentOptions } from '../src/guidance/alignment-options.ts'
import { alignmentOptions } from '../src/guidance/alignment-options.ts'

/** One way of answering: any alignment, whole answers included. */
export interface Policy {
  /** Unique among the policies of one task. */
  readonly name: string
  readonly alignment: AlignmentOptions
  readonly temperature: number
  /** Policies of different streams draw independently of each other. */
  readonly stream: number
}

/** @throws ZodError for an alignment that the server would refuse too */
export function policy(
  name: string,
  alignment: z.input<typeof alignmentOptions>,
  { stream = 0, temperature = 1 } = {},
): Policy {
  return { name, alignment: alignmentOptions.parse(alignment), temperature, stream }
}
