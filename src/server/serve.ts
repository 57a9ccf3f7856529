import type { AddressInfo } from 'node:net'
import { isatty } from 'node:tty'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { absentEngine } from './absent-engine.ts'
import { ApiProblem } from './api-problem.ts'
import { createApp } from './app.ts'
import type { Config } from './config.ts'
import type { Environment } from './config-file.ts'
import { localModels, steeredModels } from './configured-models.ts'
import { drain } from './drain.ts'
import { EngineClient } from './engine-client.ts'
import { engineSetup } from './engine-setup.ts'
import { watchEventLoopDelay } from './event-loop-delay.ts'
import type { Gateway } from './gateway.ts'
import { watchHangUp } from './hang-up.ts'
import { createHttpServer } from './http-server.ts'
import { listen } from './listen.ts'
import { Load } from './load.ts'
import { Metrics } from './metrics/metrics.ts'
import { assertModelFolders } from './model-folders.ts'
import { openLog } from './open-log.ts'
import { packageVersion } from './package-version.ts'
import { builtPlayground, isBuilt } from './playground.ts'
import { pullModels } from './pull.ts'
import { LiveSettings } from './reload.ts'
import { logRequest } from './request-log.ts'
import type { Tracing } from './tracing/tracing.ts'
import { toTryLines } from './try-lines.ts'

/**
 * Serves until told to stop; rejects when the port or the models cannot be had.
 * @param reread reads the configuration again, at SIGHUP; absent where there is no file, and then SIGHUP ends the server
 */
export async function serve(config: Config, environment: Environment, reread?: () => Config): Promise<void> {
  const log = openLog(config.logging.level)
  const metrics = new Metrics(packageVersion)
  const ownEngine = needsEngine(config) ? await openEngine(config, environment, log) : undefined
  const engine = ownEngine ?? absentEngine
  const live = new LiveSettings(config, log, metrics)
  const tracing = await tracingOf(config, log)
  const load = new Load()
  let draining = false
  const server = createHttpServer(
    createApp(gatewayOver(live, { engine, metrics, tracing, log, load, isDraining: () => draining })).fetch,
    config.server.stall_seconds * 1000,
  )
  await listen(server, config.server)
  const drainMs = config.server.drain_seconds * 1000
  const skip = ['beforeExit', ...(reread === undefined ? [] : ['SIGHUP'])] as ('beforeExit' | 'SIGHUP')[]
  const closing = closeWithGrace({ delay: drainMs + 10_000, skip }, async ({ err, signal }) => {
    if (err !== undefined) log.fatal({ err }, 'an error nobody caught')
    draining = true
    const workers = [engine, ...live.upstreamClients]
    const inFlight = workers.reduce((sum, worker) => sum + worker.inFlight, 0)
    log.info({ signal, inFlight }, 'shutting down')
    await drain(server, workers, load, drainMs)
    await tracing?.close()
  })
  if (reread !== undefined)
    watchHangUp(
      isatty(0),
      () => live.reload(reread),
      () => void closing.close(),
    )
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

interface Services extends Pick<Gateway, 'engine' | 'metrics' | 'tracing' | 'load' | 'isDraining'> {
  readonly log: Logger
}

/** What the routes see: services that stay, over settings that a reload replaces. */
function gatewayOver(live: LiveSettings, { engine, metrics, tracing, log, load, isDraining }: Services): Gateway {
  return {
    engine,
    load,
    metrics,
    tracing,
    isDraining,
    eventLoopDelay: watchEventLoopDelay(),
    get models() {
      return live.current.models
    },
    get upstreams() {
      return live.current.upstreams
    },
    get rewards() {
      return live.current.rewards
    },
    get limits() {
      return live.current.limits
    },
    get catalogue() {
      return live.current.catalogue
    },
    playground: live.current.config.server.playground ? builtPlayground : undefined,
    get keys() {
      return live.current.keys
    },
    get metricsAccess() {
      return live.current.metricsAccess
    },
    get corsOrigins() {
      return live.current.corsOrigins
    },
    onRequestEnd(record, end) {
      metrics.end(record, end)
      const { requests, prompts } = live.current.config.logging
      if (requests) logRequest(log, record, end, { prompts })
    },
    onFault: (error, requestId) => logFault(log, error, requestId),
  }
}

/** The SDK takes longer to load than the rest of the server, so it is loaded only where it is used. */
async function tracingOf({ tracing }: Config, log: Logger): Promise<Tracing | undefined> {
  const { endpoint } = tracing
  if (endpoint === undefined) return undefined
  const { openTracing } = await import('./tracing/open-tracing.ts')
  return openTracing({ ...tracing, endpoint }, packageVersion, (reason) => log.warn({ reason }, 'traces'))
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
    memoryCeiling: memoryCeilingOf(config),
    onMemory: (standing, residentBytes) => log.warn({ residentBytes }, memoryLines[standing]),
    onDeath: (reason, restartInMs) => log.error({ reason, restartInMs }, 'the engine process ended'),
  })
}

function memoryCeilingOf({ engine, server }: Config) {
  if (engine.memory_ceiling === undefined) return undefined
  return { bytes: engine.memory_ceiling, patienceMs: server.drain_seconds * 1000 }
}

const memoryLines = {
  full: 'the engine process is at its memory ceiling and takes no more requests',
  room: 'the engine process came down from its memory ceiling and takes requests again',
  stuck:
    'the engine process does not come down from its memory ceiling and is ended; where that repeats, raise engine.memory_ceiling',
} as const

/** What has a name needs no stack: the death of the engine is one line for each request that it takes along. */
function logFault(log: Logger, error: unknown, requestId: string): void {
  if (error instanceof ApiProblem) {
    const cause = error.cause instanceof Error ? error.cause.message : undefined
    log.warn({ requestId, reason: error.message, cause }, 'a request failed')
  } else log.error({ err: error, requestId }, 'a request failed')
}
