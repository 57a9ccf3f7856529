import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Hono, MiddlewareHandler } from 'hono'
import { etag } from 'hono/etag'
import { secureHeaders } from 'hono/secure-headers'
import { ApiProblem } from './api-problem.ts'
import type { AppEnvironment } from './gateway.ts'

/** Where the build puts the playground, seen from `dist/server` as from `src/server`. */
export const builtPlayground = fileURLToPath(new URL('../../dist/web', import.meta.url))

/** Paths that the playground answers at. */
const paths = ['/', '/assets/*', '/favicon.svg'] as const

/** A checkout that was not built has none. */
export const isBuilt = (folder: string): boolean => existsSync(`${folder}/index.html`)

/** Everything comes from this server, nothing is inline, and no other page may frame it. */
const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  // The server speaks plain HTTP; whether a host is HTTPS only is for the proxy before it to say.
  strictTransportSecurity: false,
})

/**
 * Serves the playground. The names of assets have their content's hash in them, so a browser may keep them for good; it asks
 * for the page itself each time.
 * @param folder of the built playground
 */
export function servePlayground(app: Hono<AppEnvironment>, folder: string): void {
  if (!isBuilt(folder)) {
    app.get('/', () => {
      throw new ApiProblem('route-not-found', 'The playground is not built: `npm run build` does that.')
    })
    return
  }
  for (const path of paths) app.get(path, headers)
  app.get('/assets/*', cached('public, max-age=31536000, immutable'), serveStatic({ root: folder }))
  for (const path of ['/', '/favicon.svg']) app.get(path, cached('no-cache'), etag(), serveStatic({ root: folder }))
}

/** What is no file stays uncached: the next build may have it. */
function cached(policy: string): MiddlewareHandler {
  return async (context, next) => {
    await next()
    if (context.res.status < 400) context.res.headers.set('cache-control', policy)
  }
}
