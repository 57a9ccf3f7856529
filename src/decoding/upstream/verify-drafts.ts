import type { Chance } from './chance.ts'
import type { DraftLooks } from './draft-rates.ts'
import type { PositionLaw } from './position-law.ts'
import type { Draft } from './token-engine.ts'

/** Bounds of min(1, q/d) at a drafted token, where they can be had without knowing the whole law. */
export interface AcceptanceBounds {
  readonly least: number
  readonly most: number
}

/** One position of a block on the way to being decided. */
export interface Position {
  /** Undefined: only the law itself decides. */
  bounds(id: number): AcceptanceBounds | undefined
  law(): Promise<PositionLaw>
}

export interface EmittedToken<P extends Position> {
  readonly id: number
  /** The one that decided, whichever of the drafts was taken there. */
  readonly position: P
}

export interface Verified<P extends Position> extends DraftLooks {
  readonly tokens: readonly EmittedToken<P>[]
  /** Positions at which a draft was looked at. */
  readonly examined: number
  /** Positions at which one was taken. */
  readonly accepted: number
}

/**
 * Speculative sampling with several independent drafts (arXiv 2211.17192, 2302.01318; several: 2305.09781): at each position
 * the drafts still alive are examined in turn, one accepted with probability min(1, current(c)/d(c)), the current law replaced
 * by norm((current - d)_+) at a rejection; after the last one a token is drawn from what is left, which ends the block. The
 * emitted tokens have exactly the law q of each position, whatever d is.
 * @param positionOf the position before token `at` of a draft; a function of the tokens before it only
 */
export async function verifyDrafts<P extends Position>(
  drafts: readonly Draft[],
  positionOf: (draft: number, at: number) => P,
  chance: Chance,
): Promise<Verified<P>> {
  const tokens: EmittedToken<P>[] = []
  const looks: Choice[] = []
  let alive = drafts.map((_, index) => index)
  for (let at = 0; ; at++) {
    alive = alive.filter((index) => drafts[index]!.tokens[at] !== undefined)
    if (alive.length === 0) return { tokens, ...counted(looks) }
    const position = positionOf(alive[0]!, at)
    const candidates = alive.map((index) => drafts[index]!.tokens[at]!.id)
    const choice = await choose(position, candidates, chance)
    tokens.push({ id: choice.id, position })
    if (choice.looked > 0) looks.push(choice)
    if (choice.taken === undefined) return { tokens, ...counted(looks) }
    alive = alive.slice(choice.taken).filter((index) => drafts[index]!.tokens[at]!.id === choice.id)
  }
}

interface Choice {
  readonly id: number
  /** Which candidate was accepted; undefined: none was. */
  readonly taken: number | undefined
  /** How many candidates were looked at. */
  readonly looked: number
}

function counted(looks: readonly Choice[]): Omit<Verified<Position>, 'tokens'> {
  const furtherLooked = looks.reduce((sum, { looked }) => sum + looked - 1, 0)
  return {
    examined: looks.length,
    accepted: looks.filter(({ taken }) => taken !== undefined).length,
    firstLooked: looks.length,
    firstTaken: looks.filter(({ taken }) => taken === 0).length,
    furtherLooked,
    furtherTaken: looks.filter(({ taken }) => taken !== undefined && taken > 0).length,
  }
}

async function choose(position: Position, candidates: readonly number[], chance: Chance): Promise<Choice> {
  const first = candidates[0]!
  const bounds = position.bounds(first)
  // where the bounds decide, the law is never asked for; the chance left between them is settled by it
  const early = bounds && chance([bounds.least, bounds.most - bounds.least, 1 - bounds.most])
  if (early === 0) return { id: first, taken: 0, looked: 1 }
  const law = await position.law()
  if (law.draft === undefined) return { id: law.ids[chance(law.target)]!, taken: undefined, looked: 0 }
  const decided =
    bounds && ((exact: number) => (early === 2 ? 0 : (exact - bounds.least) / (bounds.most - bounds.least)))
  return examine(law, law.draft, candidates, decided, chance)
}

/** @param decided probability that the first candidate is accepted, given what its bounds left open */
function examine(
  { ids, target }: PositionLaw,
  draft: readonly number[],
  candidates: readonly number[],
  decided: ((exact: number) => number) | undefined,
  chance: Chance,
): Choice {
  let current = target
  for (const [order, id] of candidates.entries()) {
    const index = ids.indexOf(id)
    const rest = current.map((q, i) => Math.max(0, q - draft[i]!))
    const restMass = rest.reduce((sum, mass) => sum + mass, 0)
    // nothing is left to draw from instead: the two laws agree up to rounding
    if (index >= 0 && restMass < 1e-12) return { id, taken: order, looked: order + 1 }
    const exact = index < 0 || !(draft[index]! > 0) ? 0 : Math.min(1, current[index]! / draft[index]!)
    const acceptance = order === 0 && decided !== undefined ? decided(exact) : exact
    if (acceptance > 0 && (acceptance >= 1 || chance([acceptance, 1 - acceptance]) === 0))
      return { id, taken: order, looked: order + 1 }
    if (restMass > 0) current = rest.map((mass) => mass / restMass)
  }
  return { id: ids[chance(current)]!, taken: undefined, looked: candidates.length }
}
