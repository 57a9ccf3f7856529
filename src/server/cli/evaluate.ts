import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ClientError } from './client-error.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const main = fileURLToPath(new URL('../../../eval/main.ts', import.meta.url))

/**
 * `trimtab eval`: the evaluation of a checkout, as `npm run eval` starts it, in the folder of the checkout.
 * @throws ClientError in an installed package, which has neither the evaluation's data nor its plotting libraries
 */
export async function evaluate(args: readonly string[]): Promise<void> {
  if (!existsSync(main)) {
    throw new ClientError(
      'The evaluation is part of a checkout, with its data and plotting libraries: clone the repository, then npm ci && npm run eval -- --help.',
    )
  }
  const loader = import.meta.resolve('tsx')
  const child = spawn(process.execPath, ['--import', loader, main, ...args], { cwd: root, stdio: 'inherit' })
  const [code, signal] = await once(child, 'exit')
  if (signal !== null) throw new ClientError(`The evaluation was ended by ${signal}.`)
  process.exitCode = code
}
