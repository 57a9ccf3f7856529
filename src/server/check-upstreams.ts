import { openModelText } from '../decoding/checkpoint/model-text.ts'
import { steeringProblems } from '../decoding/upstream/engine-kinds.ts'
import { abilityLines, type ProbeResult } from '../decoding/upstream/engine-probe.ts'
import { openUpstream } from '../decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import { UpstreamStanding } from '../decoding/upstream/upstream-standing.ts'
import type { Config } from './config.ts'
import { upstreamModels } from './configured-models.ts'
import { engineSetup } from './engine-setup.ts'
import { policyWay } from './policy-ways.ts'
import { upstreamSettings } from './upstream-setup.ts'

/** Whether the replicas of each upstream answer, and whether it lists the models that are to be had from it; in lines. */
export async function checkUpstreams(config: Config): Promise<readonly string[]> {
  const lines = await Promise.all(
    upstreamSettings(config).map((settings) => checkUpstream(settings, expectedModels(config, settings.name), config)),
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

async function checkUpstream(
  settings: UpstreamSettings,
  expected: Expected,
  config: Config,
): Promise<readonly string[]> {
  const client = openUpstream({ ...settings, health: { ...settings.health, everyMs: 0 } })
  const { name, kind, health } = settings
  try {
    const replicas = await client.probe(AbortSignal.timeout(health.timeoutMs * 2))
    const lines = replicas.map(({ address, status, reason }) => {
      return `upstream ${name} (${kind}): ${address} is ${status}${reason === undefined ? '' : ` (${reason})`}`
    })
    const someUp = replicas.some(({ status }) => status === 'up')
    const listed = someUp ? await listedModels(client, health.timeoutMs) : 'no replica is up'
    const looks: Look[] = []
    for (const model of expected)
      looks.push({ model, found: typeof listed === 'string' ? undefined : await look(client, kind, model) })
    const models = looks.flatMap(({ model, found }) => [
      modelLine(model, name, listed, found),
      ...steeringLines(kind, found),
    ])
    return [...lines, ...models, ...policyLines(looks, config)]
  } finally {
    await client.close()
  }
}

/** What a probe found of a model, or why it found nothing; undefined: nobody asked. */
interface Look {
  readonly model: ExpectedModel
  readonly found: ProbeResult | Error | undefined
}

async function look(
  client: UpstreamClient,
  kind: UpstreamSettings['kind'],
  { upstreamName, tokenizer }: ExpectedModel,
): Promise<Look['found']> {
  if (tokenizer === undefined) return undefined
  const standing = new UpstreamStanding(client, kind, upstreamName, openModelText(tokenizer))
  try {
    return await standing.look(AbortSignal.timeout(probePatienceMs))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** What the engine lets guides do with a model whose tokenizer is configured, as a table. */
function steeringLines(kind: UpstreamSettings['kind'], found: Look['found']): readonly string[] {
  if (found === undefined) return []
  if (found instanceof Error) return [`  can be steered: NO, ${found.message}`]
  if (found.inside) return abilityLines(found)
  const problems = steeringProblems(kind, found)
  const how = kind === 'openai' ? 'as text: best_of, particles and search, no guides' : 'yes'
  return [...abilityLines(found), `  can be steered: ${problems.length === 0 ? how : `NO, ${problems.join('; ')}`}`]
}

/** Which way each policy takes over each model that can be steered. */
function policyLines(looks: readonly Look[], config: Config): readonly string[] {
  const { catalogue, served } = engineSetup(config)
  const inside = new Set(looks.flatMap(({ model, found }) => (isInside(found) ? [model.name] : [])))
  const bases = looks.flatMap(({ model: { name }, found }) => {
    return found === undefined || found instanceof Error || found.inside || !served.includes(name) ? [] : [name]
  })
  return Object.entries(config.policies).flatMap(([policy, options]) =>
    bases.map((base) => `policy ${policy} over ${base}: ${policyWay(options, base, catalogue, inside)}`),
  )
}

const isInside = (found: Look['found']): boolean =>
  found !== undefined && !(found instanceof Error) && found.inside === true

const probePatienceMs = 30_000

function modelLine(
  { name, upstreamName }: ExpectedModel,
  upstream: string,
  listed: readonly string[] | string,
  found: Look['found'],
): string {
  const beginning = `model ${name}: '${upstreamName}' of ${upstream}`
  if (isInside(found)) return beginning
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
