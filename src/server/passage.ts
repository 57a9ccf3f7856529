import type { Context } from 'hono'
import { ApiProblem } from './api-problem.ts'
import { decodedForGlance } from './body-encoding.ts'
import { type BodyGlance, glanceAtBody } from './body-glance.ts'
import { formBoundary, glanceAtForm } from './form-glance.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import type { ServedName } from './models.ts'
import { refuseUnsupportedHeaders } from './unsupported-fields.ts'
import type { UpstreamPassage } from './upstreams.ts'

/** A request that an upstream answers, and the bytes it gets. */
export interface Passage {
  readonly upstream: UpstreamPassage
  readonly body: Buffer
  /** The name the client gave; undefined where it named none. */
  readonly model: string | undefined
  /** Asking twice does no harm: it is a generation, or only reads. */
  readonly repeatable: boolean
}

const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Who answers a chat or text completion: an upstream, or undefined for the own engine, which also words what is wrong with the request.
 * @param options.wholeReplies the route can choose among whole replies of an upstream, which it is then left to do
 * @throws ApiProblem for a request to an upstream's model that asks for alignment
 */
export async function passageOfCompletion(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  bytes: Buffer,
  { wholeReplies } = { wholeReplies: true },
): Promise<Passage | undefined> {
  if (gateway.upstreams.byName.size === 0) return undefined
  const glance = await glanceAt(context, gateway, bytes)
  const served = glance.model && gateway.models.names.get(glance.model.name)
  if (served !== undefined) {
    if (wholeReplies && choosesReplies(context, glance, served)) return undefined
    return passageOfModel(context, gateway, bytes, glance, served)
  }
  const byDefault = gateway.upstreams.byDefault
  if (byDefault === undefined || glance.aligned || glance.model !== undefined) return undefined
  refuseAlignmentHeaders(context, 'the default upstream')
  return { upstream: byDefault, body: bytes, model: undefined, repeatable: true }
}

/** Who answers any other request below /v1/: the upstream of the model it names, else the default one; undefined for nobody. */
export async function passageOfOther(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  bytes: Buffer,
): Promise<Passage | undefined> {
  const glance = await glanceAt(context, gateway, bytes)
  const served = glance.model && gateway.models.names.get(glance.model.name)
  if (served !== undefined) return passageOfModel(context, gateway, bytes, glance, served)
  const byDefault = gateway.upstreams.byDefault
  if (byDefault === undefined) return undefined
  if (glance.aligned) throw cannotSteer('alignment', 'the default upstream')
  refuseAlignmentHeaders(context, 'the default upstream')
  return {
    upstream: byDefault,
    body: bytes,
    model: glance.model?.name,
    repeatable: readingMethods.has(context.req.method),
  }
}

/** Whether the request, once it is parsed, may choose among whole replies of an upstream; compressed bodies and forms are never parsed here. */
function choosesReplies(context: Context<AppEnvironment>, glance: BodyGlance, served: ServedName): boolean {
  if (served.upstream === undefined || context.req.header('content-encoding') !== undefined) return false
  if (formBoundary(context.req.header('content-type')) !== undefined) return false
  return isAligned(context, glance, served)
}

function glanceAt(context: Context<AppEnvironment>, gateway: Gateway, bytes: Buffer): Promise<BodyGlance> | BodyGlance {
  const encoding = context.req.header('content-encoding')
  const boundary = formBoundary(context.req.header('content-type'))
  if (boundary !== undefined && encoding === undefined) return glanceAtForm(bytes, boundary)
  if (encoding === undefined || bytes.length === 0) return glanceAtBody(bytes)
  return decodedForGlance(bytes, encoding, gateway.limits.bodyBytes).then(glanceAtBody)
}

function passageOfModel(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  bytes: Buffer,
  glance: BodyGlance,
  served: ServedName,
): Passage | undefined {
  context.get('record').model = glance.model?.name
  if (served.upstream === undefined) return undefined
  const { name, renamed, steered } = served.upstream
  if (steered === true && isAligned(context, glance, served)) return undefined
  const upstream = gateway.upstreams.byName.get(name)
  if (upstream === undefined) throw new Error(`The upstream '${name}' is not open.`)
  const whose = `the upstream '${name}'`
  if (glance.aligned) throw cannotSteer('alignment', whose)
  if (served.policy !== undefined) throw cannotSteer('model', whose)
  refuseAlignmentHeaders(context, whose)
  const body = renamed === undefined ? bytes : rename(context, bytes, glance, renamed)
  return { upstream, body, model: glance.model?.name, repeatable: true }
}

/** Whoever asks for alignment is answered by the engine process, which decodes over the upstream. */
function isAligned(context: Context<AppEnvironment>, { aligned }: BodyGlance, { policy }: ServedName): boolean {
  const header = context.req.header('x-trimtab-alignment')
  return aligned || policy !== undefined || header !== undefined
}

function refuseAlignmentHeaders(context: Context<AppEnvironment>, whose: string): void {
  if (context.req.header('x-trimtab-alignment') !== undefined) throw cannotSteer('X-Trimtab-Alignment', whose)
  refuseUnsupportedHeaders(context.req)
}

/** The refusal of an alignment that an upstream's model cannot have, by the place where it was asked for. */
export function cannotSteer(param: string, whose: string): ApiProblem {
  const what = param === 'model' ? "The alias in 'model' brings a policy, but" : `'${param}' is not supported here:`
  return new ApiProblem(
    'unsupported',
    `${what} ${whose} cannot be steered by token: give the model a tokenizer in the configuration (vllm, sglang, llama-server), choose among whole replies with best_of, or leave the alignment out.`,
    { param },
  )
}

/** The same bytes but for the name of the model. */
function rename(context: Context<AppEnvironment>, bytes: Buffer, { model }: BodyGlance, name: string): Buffer {
  if (model === undefined) return bytes
  if (context.req.header('content-encoding') !== undefined) {
    const message = `The model '${model.name}' has another name at its upstream, which cannot be put into a compressed body.`
    throw new ApiProblem('unsupported', message, { param: 'Content-Encoding' })
  }
  const isForm = formBoundary(context.req.header('content-type')) !== undefined
  const written = Buffer.from(isForm ? name : JSON.stringify(name))
  return Buffer.concat([bytes.subarray(0, model.start), written, bytes.subarray(model.end)])
}
