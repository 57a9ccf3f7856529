/** Frames whose first is known not to fail any more. */
export interface SettledFrames {
  readonly frames: AsyncIterable<string>
  /** The first is still to come. */
  readonly isLate: boolean
}

/**
 * The same frames, once the first is there: a failure until then still gets its own status.
 * After `patienceMs` the stream starts anyway, so that comments can keep a long wait alive.
 * @throws what the first frame fails with
 */
export async function settled(frames: AsyncGenerator<string>, patienceMs: number): Promise<SettledFrames> {
  const first = frames.next()
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, patienceMs, true)
  })
  try {
    const isLate = (await Promise.race([first, patience])) === true
    return { frames: startingWith(first, frames), isLate }
  } finally {
    clearTimeout(timer)
  }
}

/** Leaving them leaves the rest. */
function startingWith<T>(first: Promise<IteratorResult<T>>, rest: AsyncGenerator<T>): AsyncIterable<T> {
  let pending: typeof first | undefined = first
  const next = () => {
    const result = pending ?? rest.next()
    pending = undefined
    return result
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: () => rest.return(undefined) }) }
}
