/** How one request went, as the k6 scripts print it (k6/lib/measure.js). */
export interface ReplyLine {
  /** Milliseconds of the epoch when the reply was complete. */
  readonly at: number
  /** The part of the test it belongs to; in a ramp the offered rate. */
  readonly stage: string
  readonly method: string
  /** `ok`, or the kind of failure. */
  readonly kind: string
  readonly status: number
  /** Client side: whole request, first byte. */
  readonly ms: number
  readonly waiting_ms: number
  /** Server side: when each piece of text left, since the request was understood. */
  readonly text: readonly number[]
  readonly returned: number
  readonly generated: number
}

/** @throws Error for a line that is no such object: something else was printed */
export function parseReplyLines(text: string): ReplyLine[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const value = JSON.parse(line) as ReplyLine
      if (typeof value.kind !== 'string' || !Array.isArray(value.text)) throw new Error(`not a reply: ${line}`)
      return value
    })
}
