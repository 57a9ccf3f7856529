import { z } from 'zod'
import type { StepProfile } from '../finding.ts'

const events = z.array(
  z.looseObject({
    cat: z.string(),
    name: z.string(),
    ts: z.number(),
    dur: z.number().default(0),
    args: z.looseObject({ op_name: z.string().optional() }).default({}),
  }),
)

/**
 * The last `steps` runs of a profile that ONNX Runtime wrote, per run: the run's time, and calls and time of each kind of
 * node, the dearest first. What is left between them is the executor's own.
 */
export function profileOf(profile: unknown, steps: number): Pick<StepProfile, 'graphUs' | 'operators'> {
  const all = events.parse(profile)
  const runs = all.filter(({ name }) => name === 'model_run').slice(-steps)
  if (runs.length < steps) throw new Error(`the profile has ${runs.length} runs, not ${steps}`)
  const from = runs[0]!.ts
  const byOperator = new Map<string, { calls: number; us: number }>()
  for (const { cat, name, ts, dur, args } of all) {
    if (cat !== 'Node' || ts < from || !name.endsWith('_kernel_time')) continue
    const entry = byOperator.get(args.op_name ?? name) ?? { calls: 0, us: 0 }
    byOperator.set(args.op_name ?? name, { calls: entry.calls + 1 / steps, us: entry.us + dur / steps })
  }
  const operators = [...byOperator].map(([name, cost]) => ({ name, ...cost })).sort((a, b) => b.us - a.us)
  return { graphUs: runs.reduce((sum, { dur }) => sum + dur, 0) / steps, operators }
}
