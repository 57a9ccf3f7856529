import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from '../bench/child.ts'
import { parseReplyLines, type ReplyLine } from './reply-line.ts'

/** k6 ends with this when it ran to the end and a threshold was crossed. */
const thresholdsCrossed = 99

export interface K6Run {
  readonly replies: readonly ReplyLine[]
  readonly thresholds: readonly Threshold[]
}

export interface Threshold {
  /** Such as `ttft_ms p(95)<1000`. */
  readonly text: string
  readonly met: boolean
}

/** Runs a script of `k6/` against a server. @throws Error when k6 itself fails */
export async function runK6(
  program: string,
  script: string,
  target: string,
  settings: Readonly<Record<string, string>>,
): Promise<K6Run> {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-k6-'))
  const [lines, summary] = [join(folder, 'replies.jsonl'), join(folder, 'summary.json')]
  const file = fileURLToPath(new URL(`./k6/${script}.js`, import.meta.url))
  const variables = Object.entries({ TARGET: target, ...settings }).flatMap(([name, value]) => [
    '-e',
    `${name}=${value}`,
  ])
  const files = ['--console-output', lines, '--log-format', 'raw', '--summary-export', summary]
  try {
    const child = startChild(program, ['run', '--no-usage-report', '--quiet', ...files, ...variables, file], {
      loud: true,
    })
    child.stdout.pipe(process.stdout, { end: false })
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0 && code !== thresholdsCrossed) throw new Error(`k6 ended with code ${code}`)
    return { replies: parseReplyLines(readFileSync(lines, 'utf8')), thresholds: thresholdsOf(summary) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** k6 exports a threshold as true where it was crossed. */
function thresholdsOf(file: string): Threshold[] {
  const { metrics } = JSON.parse(readFileSync(file, 'utf8')) as {
    metrics: Record<string, { thresholds?: Record<string, boolean> }>
  }
  return Object.entries(metrics).flatMap(([metric, { thresholds = {} }]) =>
    Object.entries(thresholds).map(([rule, crossed]) => ({ text: `${metric} ${rule}`, met: !crossed })),
  )
}
