/** A rival that is not here: reported in its row, never skipped. */
export class MissingRival extends Error {
  /** @param how what to install or to give, as one sentence */
  constructor(rival: string, how: string) {
    super(`${rival}: ${how}`)
    this.name = 'MissingRival'
  }
}

/** The rival, or the reason why it is missing; other failures are failures. */
export async function rivalOr<Rival>(open: () => Promise<Rival> | Rival): Promise<Rival | MissingRival> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof MissingRival) return error
    throw error
  }
}
