import type { z } from 'zod'
import type { Answer, Question, RewardTraits, Verdict } from '../reward.ts'

/** What the upstream sent is not what its format says; the message goes on "the upstream answered ...". */
export class MalformedReply extends Error {
  override readonly name = 'MalformedReply'
}

/**
 * One call of a batch: POST of a JSON body, the reply parsed as JSON.
 * @throws UpstreamError, as the pools do; the signal's reason
 */
export type Ask = (path: string, body: object, signal: AbortSignal) => Promise<unknown>

/** How one kind of server is asked for scores, and how its replies are read. */
export interface WireFormat {
  readonly traits: RewardTraits
  /**
   * Verdicts of one batch, in order; where the traits say `relative`, of all answers.
   * @throws MalformedReply for any reply that does not have exactly one usable score for each answer
   */
  judge(question: Question, answers: readonly Answer[], ask: Ask, signal: AbortSignal): Promise<readonly Verdict[]>
}

/** A wire format as the configuration names it: its options, and what they open. */
export interface WireFormatKind<Schema extends z.ZodObject> {
  readonly options: Schema
  /** @throws CheckpointError for a tokenizer that cannot be read */
  open(name: string, options: z.output<Schema>): WireFormat
}

/** Keeps the schema's type, so that `open` gets the options it describes. */
export const wireFormat = <Schema extends z.ZodObject>(kind: WireFormatKind<Schema>): WireFormatKind<Schema> => kind
