import { env } from 'node:process'
import { Command, InvalidArgumentError } from 'commander'
import { faults, positive } from './faults/faults.ts'
import { fuzz } from './faults/fuzz.ts'
import { findK6 } from './find-k6.ts'
import { reportLoad, writeLoadRun } from './load-results.ts'
import { loadTests } from './load-tests.ts'
import { runLoad } from './run-load.ts'

const program = new Command('loadtest').description(
  'Load tests with k6, and faults, against a server that is started on loopback for each',
)

for (const test of loadTests) {
  program
    .command(test.name)
    .description(test.description)
    .option('--k6 <program>', 'k6 (or TRIMTAB_K6; otherwise the one on the PATH)', env['TRIMTAB_K6'])
    .option('--set <name=value>', 'a setting of the script, in capitals', setting, {})
    .option('--config <file>', 'a configuration; without it the embedded family')
    .action(async ({ k6, set, config }: Flags) => {
      const flags = config === undefined ? [] : ['--config', config]
      const run = await runLoad(test, await findK6(k6), set, flags)
      process.stdout.write(`\n${await writeLoadRun(run, test)}\n`)
      if (run.thresholds.some(({ met }) => !met)) process.exitCode = 1
    })
}

for (const { name, description, count, run } of faults) {
  program
    .command(name)
    .description(description)
    .option('--count <n>', `how many ${count.what}`, positive, count.usual)
    .action(async (flags: { readonly count: number }) => {
      if (!(await run(flags.count))) process.exitCode = 1
    })
}

program
  .command('fuzz')
  .description('requests made from the OpenAPI document, by schemathesis: no 500, no hang')
  .option('--schemathesis <program>', 'schemathesis (or TRIMTAB_SCHEMATHESIS)', env['TRIMTAB_SCHEMATHESIS'])
  .option('--count <n>', 'how many requests at least', positive, 20_000)
  .action(async (flags: { readonly schemathesis?: string; readonly count: number }) => {
    if (!(await fuzz(flags.schemathesis ?? 'schemathesis', flags.count))) process.exitCode = 1
  })

program
  .command('report')
  .description('puts the last runs of these tests into docs/load.md')
  .argument('<tests...>')
  .action(reportLoad)

await program.parseAsync()

interface Flags {
  readonly k6?: string
  readonly set: Readonly<Record<string, string>>
  readonly config?: string
}

function setting(text: string, previous: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const [, name, value] = /^([A-Z]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be like RATE=4.')
  return { ...previous, [name]: value }
}
