import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What numbers depend on besides the code. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly vectorExtensions: readonly string[]
  readonly memoryGib: number
  readonly node: string
  /** Processes that wanted a core when the run began: above 0.5 others were at work. */
  readonly loadAtStart: number
}

const extensions = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8']

export function describeMachine(): Machine {
  const flags = /^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    vectorExtensions: extensions.filter((name) => flags.includes(name)),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadAtStart: loadavg()[0]!,
  }
}

export const machineText = ({ processor, cores, vectorExtensions, memoryGib, node, loadAtStart }: Machine): string =>
  `${cores} cores of ${processor} (${vectorExtensions.join(', ')}), ${memoryGib} GiB, Node ${node}, load ${loadAtStart.toFixed(1)} at the start`
