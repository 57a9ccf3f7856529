/** Weight of everything before an observation. */
const memory = 0.97

/** How likely drafts are to be taken. */
export interface DraftRates {
  /** The first draft's token, at a position where it is looked at. */
  readonly acceptance: number
  /** A further draft's token, once those before it were rejected. */
  readonly further: number
}

/** What is observed of drafts in a round. */
export interface DraftLooks {
  /** First drafts looked at and taken. */
  readonly firstLooked: number
  readonly firstTaken: number
  /** Further drafts looked at after a rejection, and taken. */
  readonly furtherLooked: number
  readonly furtherTaken: number
}

/** A share that follows what is observed, starting from a guess that a few observations outweigh. */
class FadingShare {
  #taken: number
  #looked: number

  constructor(taken: number, looked: number) {
    this.#taken = taken
    this.#looked = looked
  }

  observe(taken: number, looked: number): void {
    const fade = memory ** looked
    this.#taken = fade * this.#taken + taken
    this.#looked = fade * this.#looked + looked
  }

  get share(): number {
    return this.#taken / this.#looked
  }

  clone(): FadingShare {
    return new FadingShare(this.#taken, this.#looked)
  }
}

/** How likely a sequence's own drafts are to be taken. */
export class AcceptanceEstimate {
  #first = new FadingShare(0.7 * 4, 4)
  #further = new FadingShare(0.3 * 4, 4)

  observe({ firstLooked, firstTaken, furtherLooked, furtherTaken }: DraftLooks): void {
    this.#first.observe(firstTaken, firstLooked)
    this.#further.observe(furtherTaken, furtherLooked)
  }

  get rates(): DraftRates {
    return { acceptance: this.#first.share, further: this.#further.share }
  }

  clone(): AcceptanceEstimate {
    const copy = new AcceptanceEstimate()
    copy.#first = this.#first.clone()
    copy.#further = this.#further.clone()
    return copy
  }
}
