/** How a guided answer over an upstream is to be drafted. */
export interface SpeculationOptions {
  /** Exact for the whole vocabulary: whole rows are fetched wherever the reported tokens leave a decision open (option C). */
  readonly exact: boolean
  /** Tokens of a block; undefined: adapted to acceptance and measured times. */
  readonly block: number | undefined
  /** Most likely tokens of the base that the target is restricted to, as far as the engine reports so many. */
  readonly top: number
  /** Independent drafts of each block; undefined: one where `block` is given, else adapted like it. */
  readonly drafts: number | undefined
}

export const defaultSpeculation: SpeculationOptions = { exact: false, block: undefined, top: 64, drafts: undefined }

/** What one round of drafting and verifying came to. */
export interface RoundReport {
  readonly drafted: number
  /** Positions at which a draft was looked at, and at which one was taken. */
  readonly examined: number
  readonly accepted: number
  readonly emitted: number
  /** Sum and largest of the bounds on the total variation that truncation can have cost, over the emitted tokens. */
  readonly truncationSum: number
  readonly truncationMost: number
}

/** Sums of rounds, over everything decoded for one prompt of a request. */
export class SpeculationMeter {
  rounds = 0
  drafted = 0
  examined = 0
  accepted = 0
  emitted = 0
  truncationSum = 0
  truncationMost = 0

  count(round: RoundReport): void {
    this.rounds++
    this.drafted += round.drafted
    this.examined += round.examined
    this.accepted += round.accepted
    this.emitted += round.emitted
    this.truncationSum += round.truncationSum
    this.truncationMost = Math.max(this.truncationMost, round.truncationMost)
  }
}
