import { openModelText } from '../decoding/checkpoint/model-text.ts'
import { steeringProblems } from '../decoding/upstream/engine-kinds.ts'
import { abilityLines } from '../decoding/upstream/engine-probe.ts'
import { openUpstream } from '../decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import { UpstreamStanding } from '../decoding/upstream/upstream-standing.ts'
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

interface ExpectedModel {
  readonly name: string
  readonly upstreamName: string
  readonly tokenizer: string | undefined
}

type Expected = readonly ExpectedModel[]

function expectedModels(config: Config, upstream: string): Expected {
  return Object.entries(upstreamModels(config)).flatMap(([name, model]) =>
    model.upstream === upstream ? [{ name, upstreamName: model.name ?? name, tokenizer: model.tokenizer }] : [],
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
    const models = []
    for (const model of expected) {
      models.push(modelLine(model.name, model.upstreamName, name, listed))
      if (typeof listed !== 'string') models.push(...(await steeringLines(client, kind, model)))
    }
    return [...lines, ...models]
  } finally {
    await client.close()
  }
}

/** What the engine lets guides do with a model whose tokenizer is configured, as a table. */
async function steeringLines(
  client: UpstreamClient,
  kind: UpstreamSettings['kind'],
  { upstreamName, tokenizer }: ExpectedModel,
): Promise<readonly string[]> {
  if (tokenizer === undefined) return []
  const standing = new UpstreamStanding(client, kind, upstreamName, openModelText(tokenizer))
  try {
    const result = await standing.look(AbortSignal.timeout(probePatienceMs))
    const problems = steeringProblems(kind, result)
    const how = kind === 'openai' ? 'as text: best_of, particles and search, no guides' : 'yes'
    return [...abilityLines(result), `  can be steered: ${problems.length === 0 ? how : `NO, ${problems.join('; ')}`}`]
  } catch (error) {
    return [`  can be steered: NO, ${error instanceof Error ? error.message : String(error)}`]
  }
}

const probePatienceMs = 30_000

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
