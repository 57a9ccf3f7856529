/** An event that is larger goes on in parts after all. */
const mostHeldBytes = 2 ** 20

const lineEnd = 0x0a

/**
 * The same bytes, in pieces that end between two events: what comes after can then be an event of ours. The part of an event that has no
 * end yet waits for it, which no reader can notice, since events are read whole; when the stream breaks, it is left out.
 */
export async function* wholeEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (held.length === 0 && endsEvent(chunk)) {
      yield chunk
      continue
    }
    const bytes = Buffer.concat([held, chunk])
    const boundary = bytes.length > mostHeldBytes ? bytes.length : lastBoundary(bytes)
    held = bytes.subarray(boundary)
    if (boundary > 0) yield bytes.subarray(0, boundary)
  }
  if (held.length > 0) yield held
}

function endsEvent(chunk: Uint8Array): boolean {
  return chunk.at(-1) === lineEnd && chunk.at(-2) === lineEnd
}

/** Behind the last empty line; 0 where there is none. */
function lastBoundary(bytes: Buffer): number {
  return Math.max(
    ...['\n\n', '\n\r\n', '\r\r'].map((emptyLine) => {
      const at = bytes.lastIndexOf(emptyLine)
      return at < 0 ? 0 : at + emptyLine.length
    }),
  )
}
