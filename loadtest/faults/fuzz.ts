import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from '../../bench/child.ts'
import { built, serve } from '../../bench/served.ts'

const hooks = fileURLToPath(new URL('../fuzz/hooks.py', import.meta.url))
const checks = 'not_a_server_error,content_type_conformance,response_schema_conformance'
/** Nothing that the fuzzer sends may take longer. */
const hangSeconds = 30

/** Of each operation in one round: with many more, the fuzzer spends its time on not repeating itself. */
const examples = 250

/** Requests made from the server's own OpenAPI document, by schemathesis: none may end in a 500, and none may hang. */
export async function fuzz(program: string, requests: number): Promise<boolean> {
  if (spawnSync(program, ['--version']).status !== 0) {
    const how = 'pip install schemathesis, and give --schemathesis PATH or TRIMTAB_SCHEMATHESIS'
    throw new Error(`schemathesis does not run as "${program}": ${how}.`)
  }
  const server = await serve([], built)
  const lines: string[] = []
  let passed = true
  try {
    for (let seed = 1; passed && lines.length < requests; seed++) {
      const round = await fuzzRound(program, server.url, seed)
      passed = round.passed
      lines.push(...round.lines)
      process.stdout.write(`${statusTable(lines)}\n${lines.length} requests after ${seed} rounds\n`)
    }
    return passed
  } finally {
    await server.stop()
  }
}

/** The first round also covers the schema systematically. */
async function fuzzRound(program: string, url: string, seed: number) {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-fuzz-'))
  const log = join(folder, 'statuses.txt')
  try {
    const phases = seed === 1 ? 'coverage,fuzzing' : 'fuzzing'
    const what = ['--phases', phases, '--checks', checks, '--max-examples', String(examples), '--seed', String(seed)]
    const how = ['--workers', '2', '--request-timeout', String(hangSeconds), '--continue-on-failure', '--no-shrink']
    const flags = ['run', `${url}/openapi.json`, '--url', url, ...what, ...how, '--suppress-health-check', 'all']
    const env = { SCHEMATHESIS_HOOKS: hooks, TRIMTAB_FUZZ_LOG: log }
    const child = startChild(program, flags, { env, cwd: folder, loud: true })
    child.stdout.pipe(process.stdout, { end: false })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { passed: code === 0, lines: readFileSync(log, 'utf8').trimEnd().split('\n') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** How often each route answered with each status; the lines are those of fuzz/hooks.py. */
export function statusTable(lines: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  const rows = [...counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([line, count]) => `| ${line.replace(/ (\d+)$/, ' | $1')} | ${count} |`)
  return ['| route | status | requests |', '|---|---|--:|', ...rows].join('\n')
}
