import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import type { Environment } from './config-file.ts'
import { drain } from './drain.ts'
import { EngineClient } from './engine-client.ts'
import { engineSetup, servedNames } from './engine-setup.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'
import { listen } from './listen.ts'
import { pullModels } from './pull.ts'
import { toTryLines } from './try-lines.ts'

/** Serves until told to stop; rejects when the port or the models cannot be had. */
export async function serve(config: Config, environment: Environment): Promise<void> {
  const log = pino({ name: 'trimtab' }, pino.destination(2))
  const engine = new EngineClient(await pullModels(engineSetup(config), environment), {
    onProgress: (message) => log.info(message),
    onDeath: (reason, restartInMs) => log.error({ reason, restartInMs }, 'the engine process ended'),
  })
  let draining = false
  const app = createApp({
    engine,
    models: servedNames(config),
    limits: {
      bodyBytes: config.server.body_limit,
      maxChoices: config.server.max_n,
      defaultMaxTokens: config.server.default_max_tokens,
      keepAliveMs: config.server.keep_alive_seconds * 1000,
    },
    isDraining: () => draining,
    eventLoopDelay: watchEventLoopDelay(),
    onFault: (error, requestId) => log.error({ err: error, requestId }, 'a request failed'),
  })
  // Without TLS options the adaptor makes a plain HTTP/1 server.
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  await listen(server, config.server)
  const drainMs = config.server.drain_seconds * 1000
  closeWithGrace({ delay: drainMs + 10_000, skip: ['beforeExit'] }, async ({ err, signal }) => {
    if (err !== undefined) log.fatal({ err }, 'an error nobody caught')
    draining = true
    log.info({ signal, inFlight: engine.inFlight }, 'shutting down')
    await drain(server, engine, drainMs)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://${config.server.host}:${port}`
  log.info(`listening on ${url}`)
  await engine.start()
  process.stdout.write(`${toTryLines(config, url)}\n`)
}
