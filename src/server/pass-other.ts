import type { Context, Next } from 'hono'
import { ApiProblem } from './api-problem.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { passThrough } from './pass-through.ts'
import { passageOfOther } from './passage.ts'
import { readBytes } from './read-body.ts'

/** Ours alone, whatever the method. */
const ownRoutes = /^\/v1\/(models|rewards|alignment)(\/|$)/

/** Whatever else comes below /v1/: upstreams know more routes and methods than we do. */
export async function passOther(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  next: Next,
): Promise<Response | undefined> {
  if (gateway.upstreams.byName.size === 0 || ownRoutes.test(context.req.path)) {
    await next()
    return undefined
  }
  refuseHiddenSegments(context.req.path)
  const bytes = await readBytes(context, gateway.limits.bodyBytes)
  const passage = await passageOfOther(context, gateway, bytes)
  if (passage !== undefined) return passThrough(context, gateway, passage)
  await next()
  return undefined
}

/** `/v1/..%2fmetrics` is below /v1/ for us, but need not be for a server that decodes first. */
function refuseHiddenSegments(path: string): void {
  const decoded = path.replaceAll(/%2e/gi, '.').replaceAll(/%2f|%5c|\\/gi, '/')
  if (!/(^|\/)\.\.?(\/|$)/.test(decoded)) return
  throw new ApiProblem('bad-http', 'The path has dot segments.')
}
