/**
 * The items of all streams as they come. When one throws or the consumer leaves, the others are cancelled and closed before
 * this ends, so whatever they use can then be freed.
 * @param cancel makes the streams stop soon; called once, also at the normal end
 */
export async function* mergeStreams<T>(streams: readonly AsyncGenerator<T>[], cancel: () => void): AsyncGenerator<T> {
  const pending = new Map(streams.map((stream) => [stream, step(stream)]))
  try {
    while (pending.size > 0) {
      const { stream, result } = await Promise.race(pending.values())
      if (result.done === true) {
        pending.delete(stream)
      } else {
        pending.delete(stream)
        yield result.value
        // Asked only now, so that a rejection always finds the race waiting; and at the end of the map, so that among
        // streams that are ready none is served twice before another.
        pending.set(stream, step(stream))
      }
    }
  } finally {
    cancel()
    await Promise.allSettled([...pending.values(), ...streams.map((stream) => stream.return(undefined))])
  }
}

async function step<T>(stream: AsyncGenerator<T>) {
  return { stream, result: await stream.next() }
}
