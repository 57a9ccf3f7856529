/** GenARM: an autoregressive reward model, either a model of its own or an adapter of one. */
export interface GenarmGuide {
  readonly kind: 'genarm'
  readonly model: string
  readonly adapter: string | undefined
  /** base: it reads the base's prompt, token for token. own: it reads the messages through its own chat template. */
  readonly template: 'base' | 'own'
}

/** UniR: a reasoning module; it always reads the base's prompt. */
export interface UnirGuide {
  readonly kind: 'unir'
  readonly model: string
  readonly adapter: string | undefined
}

/** The difference of two models (or of trained guides, by name). */
export interface ContrastGuide {
  readonly kind: 'contrast'
  readonly tuned: string
  readonly untuned: string
}

/** An instruction; the guide is the base given it, minus the base. */
export interface PrincipleGuide {
  readonly kind: 'principle'
  readonly text: string
}

export type GuideDefinition = GenarmGuide | UnirGuide | ContrastGuide | PrincipleGuide

/** What one of the request's `preferences` weighs. */
export interface Objective {
  /** What tilts tokens towards it; undefined where only a reward serves it. */
  readonly guide?: string | undefined
  /** What judges answers by it, for best-of and particles that name no reward. */
  readonly reward?: string | undefined
  /** The guide's and the reward's weight for a preference of 1. */
  readonly scale: number
}

/** What requests may steer with, by name. Plain data: it crosses the process boundary. */
export interface GuideCatalogue {
  readonly guides: ReadonlyMap<string, GuideDefinition>
  readonly objectives: ReadonlyMap<string, Objective>
}
