import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { alignmentCatalogue } from '../../src/server/alignment-catalogue.ts'
import { parseConfig } from '../../src/server/config-file.ts'
import { jsonOf, toyGateway } from './toy-gateway.ts'

describe('the playground', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trimtab-'))
    mkdirSync(join(folder, 'assets'))
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>x</title>')
    writeFileSync(join(folder, 'assets/index-abc.js'), 'export {}')
    writeFileSync(join(folder, 'secret.txt'), 'no')
  })
  after(() => rmSync(folder, { recursive: true }))
  const get = (path: string, init: RequestInit = {}) => toyGateway({ playground: folder }).app.request(path, init)

  it('is asked for each time, and answered with 304 while it is the same', async () => {
    const response = await get('/')
    assert.equal(response.status, 200)
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
    assert.equal(response.headers.get('cache-control'), 'no-cache')
    const etag = response.headers.get('etag') ?? ''
    assert.match(await response.text(), /doctype/)
    assert.equal((await get('/', { headers: { 'if-none-match': etag } })).status, 304)
    assert.equal((await get('/', { method: 'HEAD' })).status, 200)
  })

  it('keeps its assets for good, whose names change with their content', async () => {
    const response = await get('/assets/index-abc.js')
    assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.match(response.headers.get('content-type') ?? '', /javascript/)
    assert.equal(await response.text(), 'export {}')
  })

  it('runs no script but its own', async () => {
    for (const path of ['/', '/assets/index-abc.js']) {
      const policy = (await get(path)).headers.get('content-security-policy') ?? ''
      assert.match(policy, /default-src 'none'; script-src 'self';/)
      assert.doesNotMatch(policy, /unsafe|https?:/)
      assert.match(policy, /frame-ancestors 'none'/)
    }
    const models = await get('/v1/models')
    assert.equal(models.headers.get('content-security-policy'), null)
  })

  it("serves nothing beside itself, and refuses in the API's way", async () => {
    for (const path of [
      '/secret.txt',
      '/assets/../secret.txt',
      '/assets/%2e%2e/secret.txt',
      '/assets/none.js',
      '/index.html',
    ]) {
      const response = await get(path)
      assert.equal(response.status, 404, path)
      assert.equal((await jsonOf(response)).error.code, 'not_found')
      assert.equal(response.headers.get('cache-control'), null)
    }
    assert.equal((await get('/', { method: 'POST' })).status, 404)
  })

  it('that is not built says how to build it, and one that is not wanted is not there', async () => {
    const unbuilt = await toyGateway({ playground: join(folder, 'assets') }).app.request('/')
    assert.equal(unbuilt.status, 404)
    assert.match((await jsonOf(unbuilt)).error.message, /npm run build/)
    assert.match((await jsonOf(await toyGateway().app.request('/'))).error.message, /no route GET \//)
  })
})

describe('GET /v1/alignment', () => {
  it('tells what requests may name, and the limits', async () => {
    const { app } = toyGateway()
    assert.deepEqual(await jsonOf(await app.request('/v1/alignment')), {
      object: 'alignment',
      models: [
        { id: 'tiny', steerable: true, context: 512, chat: true },
        { id: 'tiny-friendly', root: 'tiny', policy: 'friendly', steerable: true, context: 512, chat: true },
      ],
      guides: [{ id: 'positive', kind: 'genarm' }],
      objectives: [],
      rewards: [{ id: 'length', kind: 'length' }],
      policies: ['friendly'],
      limits: { max_n: 8, default_max_tokens: 64, max_held_logprobs: 500_000 },
    })
    const response = await app.request('/v1/alignment', { method: 'POST' })
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
  })

  it('tells names and kinds, never paths, principles or patterns', () => {
    const config = parseConfig(
      {
        models: { base: { path: '/secret/base' } },
        guides: {
          kind: { kind: 'genarm', adapter: '/secret/kind', base: 'base' },
          polite: { principle: 'a secret principle' },
          odd: { contrast: ['kind', 'base'] },
        },
        objectives: { kind: { guide: 'kind', reward: 'clean', scale: 2 } },
        rewards: { clean: { kind: 'regex', pattern: 'a-secret-pattern' } },
      },
      'a test',
    )
    const catalogue = alignmentCatalogue(config)
    assert.deepEqual(catalogue, {
      guides: [
        { id: 'kind', kind: 'genarm', base: 'base' },
        { id: 'polite', kind: 'principle' },
        { id: 'odd', kind: 'contrast' },
      ],
      objectives: [{ id: 'kind', guide: 'kind', reward: 'clean', scale: 2 }],
      rewards: [{ id: 'clean', kind: 'regex' }],
    })
    assert.doesNotMatch(JSON.stringify(catalogue), /secret/)
  })
})
