import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Config } from './config.ts'
import { ConfigError } from './environment-references.ts'

/**
 * Resolves when the port is ours.
 * @throws ConfigError when somebody else has it
 */
export async function listen(server: Server, { host, port }: Pick<Config['server'], 'host' | 'port'>): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new ConfigError(`Port ${port} is taken: stop what listens there, or give another with --port.`)
  }
}
