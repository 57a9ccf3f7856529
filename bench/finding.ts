import type { Machine } from './measures/machine.ts'
import type { PowerLaw } from './measures/power-law.ts'
import type { ResultRow } from './measures/result-row.ts'

/** What one question gave. */
export interface Finding {
  readonly question: string
  readonly rows: readonly ResultRow[]
  readonly curves?: readonly Curve[]
  readonly profiles?: readonly StepProfile[]
  /** How it was measured, where the rows do not say. */
  readonly notes: readonly string[]
}

/** A cost against what it should depend on. */
export interface Curve {
  readonly name: string
  readonly x: string
  readonly y: string
  /** The law it should follow, in words. */
  readonly law: string
  /** The largest exponent that the law allows. */
  readonly mostExponent: number
  readonly points: readonly {
    readonly x: number
    readonly y: number
    readonly peakMib?: number
    readonly kvBytes?: number
  }[]
  readonly line: PowerLaw
  readonly power: PowerLaw
}

/** Where the time of a decoding step goes, in microseconds a step. */
export interface StepProfile {
  readonly name: string
  readonly rows: number
  readonly stepUs: number
  readonly graphUs: number
  readonly operators: readonly { readonly name: string; readonly calls: number; readonly us: number }[]
}

/** A run as it is written to disk. */
export interface BenchRun {
  readonly date: string
  readonly command: string
  readonly machine: Machine
  readonly quick: boolean
  readonly rounds: number
  readonly findings: readonly Finding[]
}
