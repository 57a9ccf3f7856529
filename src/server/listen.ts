import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Config } from './config.ts'
import { ConfigError } from './environment-references.ts'

/**
 * Resolves when the port is ours.
 * @throws ConfigError when somebody else has it, or the address is not this machine's
 */
export async function listen(server: Server, { host, port }: Pick<Config['server'], 'host' | 'port'>): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new ConfigError(`Port ${port} is taken: stop what listens there, or give another with --port.`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new ConfigError(`${host} is no address of this machine: give one that is with --host.`)
    throw error
  }
}
