import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bestBlockRate, blockRate, inEngineRate } from '../modes/expected-rate.ts'
import { measureMode } from '../modes/mode-rate.ts'
import { modesChart } from '../modes/modes-chart.ts'
import type { EngineTimes } from '../modes/timed-engine.ts'
import { resultsFolder } from '../results.ts'

interface ModesOptions {
  readonly tokens: number
}

export interface ModePoint {
  readonly sweep: 'acceptance' | 'round trip'
  /** The acceptance, or milliseconds. */
  readonly x: number
  readonly mode: string
  readonly measured?: number
  readonly formula: number
}

/** A mid-size GPU: 12 ms a token, a small guide's pass in 4 ms, calls that take 3 ms. */
const usual: EngineTimes = { roundTrip: 3, decode: 12, read: 4 }
const acceptances = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98]
const roundTrips = [0.5, 1, 2, 5, 10, 20, 40]

/** Which way of guiding an engine is the fastest when: measured over an engine that only takes its time, beside the formula. */
export async function benchModes({ tokens }: ModesOptions): Promise<void> {
  const points: ModePoint[] = []
  for (const x of acceptances) points.push(...(await pointsAt('acceptance', x, usual, x, tokens)))
  for (const x of roundTrips) points.push(...(await pointsAt('round trip', x, { ...usual, roundTrip: x }, 0.8, tokens)))
  for (const { sweep, x, mode, measured, formula } of points)
    process.stdout.write(
      `${sweep.padEnd(11)} ${String(x).padStart(5)}  ${mode.padEnd(26)} ${(measured?.toFixed(1) ?? '-').padStart(7)} tokens/s, formula ${formula.toFixed(1)}\n`,
    )
  mkdirSync(resultsFolder, { recursive: true })
  const file = join(resultsFolder, 'modes.svg')
  writeFileSync(file, await modesChart(points))
  process.stdout.write(`\nWritten to ${file}\n`)
}

async function pointsAt(sweep: ModePoint['sweep'], x: number, times: EngineTimes, acceptance: number, tokens: number) {
  const rate = async (mode: Parameters<typeof measureMode>[2]) =>
    (await measureMode(times, acceptance, mode, tokens)).rate
  return [
    {
      sweep,
      x,
      mode: 'blocks, adapted',
      measured: await rate({ block: undefined, drafts: undefined }),
      formula: bestBlockRate(times, acceptance),
    },
    {
      sweep,
      x,
      mode: 'blocks of 4',
      measured: await rate({ block: 4, drafts: 1 }),
      formula: blockRate(times, acceptance, 4),
    },
    {
      sweep,
      x,
      mode: 'two calls a token',
      measured: await rate({ block: 1, drafts: 1 }),
      formula: blockRate(times, acceptance, 1),
    },
    { sweep, x, mode: 'guides inside the engine', formula: inEngineRate(times) },
  ]
}
