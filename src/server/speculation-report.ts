import type { SpeculationMeter } from '../decoding/speculation.ts'
import type { SpeculationReport } from './engine-messages.ts'

/** What the prompts of a request came to together; undefined where nothing was drafted. */
export function speculationReport(meters: readonly SpeculationMeter[]): SpeculationReport | undefined {
  const total = (count: (meter: SpeculationMeter) => number) => meters.reduce((sum, meter) => sum + count(meter), 0)
  const rounds = total((meter) => meter.rounds)
  if (rounds === 0) return undefined
  const examined = total((meter) => meter.examined)
  return {
    rounds,
    drafted: total((meter) => meter.drafted),
    examined,
    accepted: total((meter) => meter.accepted),
    acceptance: examined === 0 ? 0 : total((meter) => meter.accepted) / examined,
    truncationMost: Math.max(...meters.map(({ truncationMost }) => truncationMost)),
    truncationSum: total((meter) => meter.truncationSum),
  }
}

/** House -> wire. The bound of a whole answer is at most the sum of its tokens' and, as a total variation, at most 1. */
export function toWireSpeculation(report: SpeculationReport | undefined) {
  if (report === undefined) return {}
  const { rounds, drafted, acceptance, truncationMost, truncationSum } = report
  return {
    speculation: { rounds, drafted, acceptance },
    truncation_bound: { token: truncationMost, answer: Math.min(1, truncationSum) },
  }
}
