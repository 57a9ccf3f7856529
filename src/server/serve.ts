import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { type Logger, pino } from 'pino'
import { ApiProblem } from './api-problem.ts'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import type { Environment } from './config-file.ts'
import { drain } from './drain.ts'
import { EngineClient } from './engine-client.ts'
import { engineSetup, servedNames } from './engine-setup.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'
import { createHttpServer } from './http-server.ts'
import { listen } from './listen.ts'
import { assertModelFolders } from './model-folders.ts'
import { pullModels } from './pull.ts'
import { toTryLines } from './try-lines.ts'

/** Serves until told to stop; rejects when the port or the models cannot be had. */
export async function serve(config: Config, environment: Environment): Promise<void> {
  const log = pino({ name: 'trimtab' }, pino.destination(2))
  const setup = await pullModels(engineSetup(config), environment)
  assertModelFolders(setup)
  const engine = new EngineClient(setup, {
    silenceMs: config.engine.silence_seconds * 1000,
    mostWaitingBytes: config.server.stream_buffer,
    onProgress: (message) => log.info(message),
    onSilence: (silenceMs) => log.error({ silenceMs }, 'the engine process says nothing and is ended'),
    onDeath: (reason, restartInMs) => log.error({ reason, restartInMs }, 'the engine process ended'),
  })
  let draining = false
  const app = createApp({
    engine,
    models: servedNames(config),
    rewards: Object.keys(config.rewards),
    limits: {
      bodyBytes: config.server.body_limit,
      maxChoices: config.server.max_n,
      defaultMaxTokens: config.server.default_max_tokens,
      keepAliveMs: config.server.keep_alive_seconds * 1000,
      heldLogprobs: config.server.max_held_logprobs,
    },
    isDraining: () => draining,
    eventLoopDelay: watchEventLoopDelay(),
    onFault: (error, requestId) => logFault(log, error, requestId),
  })
  const server = createHttpServer(app.fetch)
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
  if (await engine.start()) process.stdout.write(`${toTryLines(config, url)}\n`)
}

/** What has a name needs no stack: the death of the engine is one line for each request that it takes along. */
function logFault(log: Logger, error: unknown, requestId: string): void {
  if (error instanceof ApiProblem) log.warn({ requestId, reason: error.message }, 'a request failed')
  else log.error({ err: error, requestId }, 'a request failed')
}
