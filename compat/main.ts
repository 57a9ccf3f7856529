import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { startOwnServer } from '../src/server/cli/own-server.ts'
import { clients, here, installedVersion, type Python, runClient, type Served } from './clients.ts'
import { scan } from './compat-canary.ts'
import { startDouble } from './double.ts'
import { type Column, failuresOf, toMatrix, toTable } from './matrix.ts'

const [begin, end] = ['<!-- matrix: npm run compat -->', '<!-- end of the matrix -->']

/** `npm run compat`: clients of other people against a server over the embedded family and a double of an upstream. */
const program = new Command('compat')
  .description(
    'Run the SDKs of compat/sdk (npm ci --prefix compat/sdk) and, given --python, the one for Python against trimtab.',
  )
  .option(
    '--python <interpreter>',
    'one that has compat/python/requirements.txt; absent: the Python client is left out',
  )
  .option('--out <file>', 'a Markdown file whose part between the marks of the matrix is replaced')
  .action(compat)
await program.parseAsync()

async function compat({ python, out }: { readonly python?: string; readonly out?: string }): Promise<void> {
  if (!existsSync(here('./sdk/node_modules'))) program.error('The clients are missing: npm ci --prefix compat/sdk')
  const double = await startDouble()
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-compat-'))
  const config = join(folder, 'trimtab.yaml')
  writeFileSync(config, configuration(double.url))
  const server = await startOwnServer(['--config', config, '--memory', '256MiB'])
  try {
    const served = { url: `${server.url}/v1`, local: 'tiny', upstream: 'double' }
    const columns = await runAll(served, python)
    const text = `${toMatrix(columns)}\n\n${await canaryTable(served)}\n`
    process.stdout.write(`${text}\n${failuresOf(columns).join('\n')}\n`)
    if (out !== undefined) replaceMatrix(out, text)
    if (failuresOf(columns).length > 0) process.exitCode = 1
  } finally {
    await server.stop()
    double.close()
    rmSync(folder, { recursive: true })
  }
}

/** One after the other: together they would share two cores, and an answer's time is part of what they test. */
async function runAll(served: Served, python: string | undefined): Promise<readonly Column[]> {
  const columns: Column[] = []
  for (const client of clients(python === undefined ? undefined : pythonOf(python))) {
    columns.push({ ...client, outcomes: await runClient(client, served) })
  }
  return columns
}

function pythonOf(command: string): Python {
  const versions = "from importlib.metadata import version; print(version('openai'), version('litellm'))"
  const { status, stdout, stderr } = spawnSync(command, ['-c', versions], { encoding: 'utf8' })
  const [openai, litellm] = stdout.trim().split(' ')
  if (status !== 0 || openai === undefined || litellm === undefined)
    return program.error(`${command} lacks clients: pip install -r compat/python/requirements.txt\n${stderr}`)
  return { command, openai, litellm }
}

async function canaryTable(served: Served): Promise<string> {
  const probes = [...(await scan(served, 'modern'))]
  return toTable([['', `compatcanary ${installedVersion('compatcanary')}`], ...probes])
}

/** The embedded family, and the double as an upstream. */
function configuration(doubleUrl: string): string {
  const family = here('../models/tiny/')
  const yaml = readFileSync(join(family, 'trimtab.yaml'), 'utf8').replaceAll(/(path|adapter): \.\//g, `$1: ${family}`)
  const upstream = `upstreams:\n  double: { kind: openai, urls: ['${doubleUrl}'] }\n`
  return `${upstream}${yaml.replace(/^models:\n/m, 'models:\n  double: { upstream: double }\n')}`
}

function replaceMatrix(file: string, matrix: string): void {
  const [before, rest] = readFileSync(file, 'utf8').split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${file} has no marks for the matrix.`)
  writeFileSync(file, `${before}${begin}\n\n${matrix}\n${end}${after}`)
}
