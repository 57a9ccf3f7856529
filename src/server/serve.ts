import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { type Logger, pino } from 'pino'
import { absentEngine } from './absent-engine.ts'
import { alignmentCatalogue } from './alignment-catalogue.ts'
import { ApiProblem } from './api-problem.ts'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import type { Environment } from './config-file.ts'
import { localModels, steeredModels } from './configured-models.ts'
import { drain } from './drain.ts'
import { EngineClient } from './engine-client.ts'
import { engineSetup, servedNames } from './engine-setup.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'
import { createHttpServer } from './http-server.ts'
import { listen } from './listen.ts'
import { assertModelFolders } from './model-folders.ts'
import { builtPlayground, isBuilt } from './playground.ts'
import { pullModels } from './pull.ts'
import { toTryLines } from './try-lines.ts'
import { openUpstreams } from './upstream-setup.ts'

/** Serves until told to stop; rejects when the port or the models cannot be had. */
export async function serve(config: Config, environment: Environment): Promise<void> {
  const log = pino({ name: 'trimtab' }, pino.destination(2))
  const ownEngine = needsEngine(config) ? await openEngine(config, environment, log) : undefined
  const engine = ownEngine ?? absentEngine
  const upstreams = openUpstreams(config)
  let draining = false
  const app = createApp({
    engine,
    models: servedNames(config),
    upstreams,
    rewards: Object.keys(config.rewards),
    catalogue: alignmentCatalogue(config),
    playground: config.server.playground ? builtPlayground : undefined,
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
    const workers = [engine, ...[...upstreams.byName.values()].map(({ client }) => client)]
    const inFlight = workers.reduce((sum, worker) => sum + worker.inFlight, 0)
    log.info({ signal, inFlight }, 'shutting down')
    await drain(server, workers, drainMs)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://${config.server.host}:${port}`
  log.info(`listening on ${url}`)
  if (ownEngine === undefined || (await ownEngine.start())) process.stdout.write(`${welcome(config, url)}\n`)
}

/** What to do now that it serves. */
function welcome(config: Config, url: string): string {
  const lines = toTryLines(config, url)
  return config.server.playground && isBuilt(builtPlayground) ? `Playground: ${url}/\n\n${lines}` : lines
}

/** Rewards are judged in the engine process too. */
function needsEngine(config: Config): boolean {
  return (
    Object.keys({ ...localModels(config), ...steeredModels(config) }).length > 0 ||
    Object.keys(config.rewards).length > 0
  )
}

async function openEngine(config: Config, environment: Environment, log: Logger): Promise<EngineClient> {
  const setup = await pullModels(engineSetup(config), environment)
  assertModelFolders(setup)
  return new EngineClient(setup, {
    silenceMs: config.engine.silence_seconds * 1000,
    mostWaitingBytes: config.server.stream_buffer,
    onProgress: (message) => log.info(message),
    onSilence: (silenceMs) => log.error({ silenceMs }, 'the engine process says nothing and is ended'),
    onDeath: (reason, restartInMs) => log.error({ reason, restartInMs }, 'the engine process ended'),
  })
}

/** What has a name needs no stack: the death of the engine is one line for each request that it takes along. */
function logFault(log: Logger, error: unknown, requestId: string): void {
  if (error instanceof ApiProblem) {
    const cause = error.cause instanceof Error ? error.cause.message : undefined
    log.warn({ requestId, reason: error.message, cause }, 'a request failed')
  } else log.error({ err: error, requestId }, 'a request failed')
}
