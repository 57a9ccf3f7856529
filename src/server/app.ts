import { Hono } from 'hono'
import { describeAlignment } from './alignment-catalogue.ts'
import { ApiProblem } from './api-problem.ts'
import { chatCompletions } from './chat-completions.ts'
import { isClientGone } from './client-presence.ts'
import { completions } from './completions.ts'
import { crossOrigin } from './cross-origin.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { healthz, readyz } from './health.ts'
import { checkKey } from './keys/guard.ts'
import { lastReplies } from './last-replies.ts'
import { Scrape } from './metrics/scrape.ts'
import { listModels, retrieveModel } from './models.ts'
import { clientGoneStatus, isLogged, toOpenAIError } from './openai-error.ts'
import { openApiDocument } from './openapi.ts'
import { passOther } from './pass-other.ts'
import { servePlayground } from './playground.ts'
import { requestId } from './request-id.ts'
import { keepRecords } from './request-lifecycle.ts'
import { responses } from './responses.ts'
import { listRewards, postRewards } from './rewards.ts'

/** All routes, one error handler. */
export function createApp(gateway: Gateway): Hono<AppEnvironment> {
  const app = new Hono<AppEnvironment>()
  app.use(requestId)
  app.use(lastReplies(gateway))
  app.use('/v1/*', keepRecords(gateway))
  app.use('/v1/*', crossOrigin(gateway))
  app.use('/v1/*', async (_context, next) => {
    if (gateway.isDraining()) throw new ApiProblem('draining', 'The server is shutting down.', { retryAfter: 5 })
    await next()
  })
  app.use('/v1/*', checkKey(gateway))
  app.post('/v1/chat/completions', (context) => chatCompletions(context, gateway))
  app.post('/v1/completions', (context) => completions(context, gateway))
  app.post('/v1/responses', (context) => responses(context, gateway))
  app.post('/v1/rewards', (context) => postRewards(context, gateway))
  app.get('/v1/rewards', (context) => context.json(listRewards(gateway.rewards)))
  app.get('/v1/alignment', (context) => context.json(describeAlignment(gateway, context.get('caller'))))
  app.get('/v1/models', (context) => context.json(listModels(gateway.models, context.get('caller'))))
  // A hub id has a slash in it, so the rest of the path is the name.
  app.get('/v1/models/:id{.+}', (context) => context.json(retrieveModel(gateway.models, context.req.param('id'))))
  app.get('/healthz', (context) => context.json(healthz(gateway)))
  app.get('/readyz', async (context) => {
    const { ready, body } = await readyz(gateway)
    return context.json(body, ready ? 200 : 503)
  })
  const scrape = new Scrape(gateway)
  app.get('/metrics', async (context) => {
    if (gateway.metricsAccess === 'off') return await context.notFound()
    if (gateway.metricsAccess === 'key') gateway.keys.identify((name) => context.req.header(name))
    return context.body(await scrape.text(), 200, { 'content-type': scrape.contentType })
  })
  app.get('/openapi.json', (context) => context.json(openApiDocument()))
  app.all('/v1/*', (context, next) => passOther(context, gateway, next))
  if (gateway.playground !== undefined) servePlayground(app, gateway.playground)
  refuseOtherMethods(app)
  app.notFound((context) => {
    const problem = new ApiProblem('route-not-found', noRoute(context.req))
    const { status, body } = toOpenAIError(problem)
    return context.json(body, status)
  })
  app.onError((error, context) => {
    // Nobody is left to read a reply, and a client that leaves is no fault.
    if (isClientGone(context)) return new Response(null, { status: clientGoneStatus })
    context.get('record')?.failed(error)
    if (isLogged(error)) gateway.onFault(error, context.get('requestId'))
    const { status, headers, body } = toOpenAIError(error)
    return context.json(body, status, headers)
  })
  return app
}

const methods: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'POST',
  '/v1/completions': 'POST',
  '/v1/responses': 'POST',
  '/v1/rewards': 'GET, HEAD, POST',
  '/v1/alignment': 'GET, HEAD',
  '/v1/models': 'GET, HEAD',
  '/v1/models/:id{.+}': 'GET, HEAD',
  '/healthz': 'GET, HEAD',
  '/readyz': 'GET, HEAD',
  '/metrics': 'GET, HEAD',
  '/openapi.json': 'GET, HEAD',
}

/** The commonest causes are a base URL without /v1, with it twice, and a slash at the end. */
function noRoute({ method, path }: { readonly method: string; readonly path: string }): string {
  const meant = `/v1${path.replace(/^(\/v1)+/, '')}`.replace(/\/$/, '')
  const hint =
    Object.hasOwn(methods, meant) && meant !== path ? `Did you mean ${meant}?` : 'GET /openapi.json lists the routes.'
  return `There is no route ${method} ${path}. ${hint}`
}

/** After the routes: what still arrives at their paths has another method. */
function refuseOtherMethods(app: Hono<AppEnvironment>): void {
  for (const [path, allow] of Object.entries(methods)) {
    app.all(path, ({ req }) => {
      const message = `${req.method} is not possible on ${req.path}, only ${allow}.`
      throw new ApiProblem('method-not-allowed', message, { allow })
    })
  }
}
