import { isDeepStrictEqual } from 'node:util'
import type { Config } from './config.ts'
import { steeredModels } from './configured-models.ts'
import { engineSetup } from './engine-setup.ts'

/** The parts of a configuration that differ and are fixed for the life of the processes; empty when a reload can put the new one in place. */
export function restartNeeds(before: Config, after: Config): readonly string[] {
  const fixed = [fixedParts(before), fixedParts(after)] as const
  return Object.keys(fixed[0]).filter((part) => !isDeepStrictEqual(fixed[0][part], fixed[1][part]))
}

function fixedParts(config: Config): Readonly<Record<string, unknown>> {
  const { server, engine } = config
  const setup = engineSetup(config)
  const steered = Object.values(steeredModels(config)).map(({ upstream }) => upstream)
  return {
    'server.host': server.host,
    'server.port': server.port,
    'server.stream_buffer': server.stream_buffer,
    'server.stall_seconds': server.stall_seconds,
    'server.playground': server.playground,
    'server.drain_seconds': server.drain_seconds,
    tracing: config.tracing,
    engine,
    'models (of the own engine, or steered)': [setup.models, setup.upstreamModels, setup.served],
    'upstreams (of steered models)': setup.upstreams.filter(({ name }) => steered.includes(name)),
    'guides or objectives': setup.catalogue,
    rewards: setup.rewards,
    'policies of aliases of steered models': setup.promises,
  }
}
