import { fileURLToPath } from 'node:url'
import { runProgram } from '../child.ts'
import { type ProbeAnswer, type ProbeJob, probeAnswer } from './probe-job.ts'

const program = fileURLToPath(new URL('./probe.ts', import.meta.url))

/**
 * Measures the points in a process of its own. One before it prepares the graph, which takes more memory than running it;
 * `preparingMib` is that one's peak, small where the graph was there already.
 */
export async function runProbe(job: ProbeJob): Promise<ProbeAnswer & { readonly preparingMib: number }> {
  const run = async (asked: ProbeJob) =>
    probeAnswer.parse(
      JSON.parse(
        lastLine(
          await runProgram(process.execPath, ['--import', 'tsx', program, JSON.stringify(asked)], { loud: true }),
        ),
      ),
    )
  const preparing = await run({ ...job, points: [] })
  return { ...(await run(job)), preparingMib: preparing.peakMib }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)!
