import { closeSync } from 'node:fs'
import { isatty } from 'node:tty'

/**
 * Lets a process end whose terminal was closed. Node resets at its end each terminal that it was started in, asserts that it
 * could, and never comes out of the failed assertion (seen with 20.20: one core busy for ever). What is closed it leaves alone.
 */
export function closeDeadTerminals(): void {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor))
  process.on('exit', () => {
    for (const descriptor of terminals) if (!isatty(descriptor)) closeSync(descriptor)
  })
}
