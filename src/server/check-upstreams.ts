import { openUpstream } from '../decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import type { Config } from './config.ts'
import { upstreamModels } from './configured-models.ts'
import { upstreamSettings } from './upstream-setup.ts'

/** Whether the replicas of each upstream answer, and whether it lists the models that are to be had from it; in lines. */
export async function checkUpstreams(config: Config): Promise<readonly string[]> {
  const lines = await Promise.all(
    upstreamSettings(config).map((settings) => checkUpstream(settings, expectedModels(config, settings.name))),
  )
  return lines.flat()
}

type Expected = readonly (readonly [name: string, upstreamName: string])[]

function expectedModels(config: Config, upstream: string): Expected {
  return Object.entries(upstreamModels(config)).flatMap(([name, model]) =>
    model.upstream === upstream ? [[name, model.name ?? name]] : [],
  )
}

async function checkUpstream(settings: UpstreamSettings, expected: Expected): Promise<readonly string[]> {
  const client = openUpstream({ ...settings, health: { ...settings.health, everyMs: 0 } })
  const { name, kind, health } = settings
  try {
    const replicas = await client.probe(AbortSignal.timeout(health.timeoutMs * 2))
    const lines = replicas.map(({ address, status, reason }) => {
      return `upstream ${name} (${kind}): ${address} is ${status}${reason === undefined ? '' : ` (${reason})`}`
    })
    const someUp = replicas.some(({ status }) => status === 'up')
    const listed = someUp ? await listedModels(client, health.timeoutMs) : 'no replica is up'
    return [...lines, ...expected.map(([model, upstreamName]) => modelLine(model, upstreamName, name, listed))]
  } finally {
    await client.close()
  }
}

function modelLine(model: string, upstreamName: string, upstream: string, listed: readonly string[] | string): string {
  const beginning = `model ${model}: '${upstreamName}' of ${upstream}`
  if (typeof listed === 'string') return `${beginning}, not checked: ${listed}`
  if (listed.includes(upstreamName)) return `${beginning}, listed there`
  return `${beginning}, NOT listed there (it has ${listed.join(', ') || 'none'})`
}

/** The ids of /v1/models, or why there are none. */
async function listedModels(client: UpstreamClient, patienceMs: number): Promise<readonly string[] | string> {
  try {
    const list = await client.json('/v1/models', undefined, { signal: AbortSignal.timeout(patienceMs), retries: 0 })
    return idsOf(list) ?? 'its /v1/models is no list of models'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function idsOf(list: unknown): readonly string[] | undefined {
  if (typeof list !== 'object' || list === null || !('data' in list) || !Array.isArray(list.data)) return undefined
  return list.data.flatMap((model: unknown) => {
    return typeof model === 'object' && model !== null && 'id' in model && typeof model.id === 'string'
      ? [model.id]
      : []
  })
}
