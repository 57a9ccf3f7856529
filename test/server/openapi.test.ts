import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { openApiDocument } from '../../src/server/openapi.ts'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const { paths, components } = openApiDocument()
const ajv = new Ajv2020({ strict: false })
const chat = { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] }

describe('GET /openapi.json', () => {
  it('is the document', async () => {
    const document = await jsonOf(await toyGateway().app.request('/openapi.json'))
    assert.deepEqual(document, JSON.parse(JSON.stringify(openApiDocument())))
    assert.equal(document.openapi, '3.1.0')
  })

  it('names only routes and methods that exist', async () => {
    for (const [path, operations] of Object.entries(paths)) {
      for (const method of Object.keys(operations)) {
        const init = method === 'post' ? { method: 'POST', body: '{}' } : {}
        const reply = await toyGateway().app.request(path.replace('{id}', 'tiny'), init)
        assert.ok(reply.status === (method === 'post' ? 400 : 200), `${method} ${path}: ${reply.status}`)
      }
    }
  })

  it('refers only to schemas that it has, which are JSON Schema', () => {
    for (const [, name = ''] of JSON.stringify(paths).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      assert.ok(name in components.schemas, name)
    }
    for (const schema of Object.values(components.schemas)) ajv.compile(schema)
  })

  it('has schemas that take and refuse what the server does', async () => {
    const valid = ajv.compile(components.schemas.ChatRequest)
    const bodies = [
      chat,
      { ...chat, temperature: 3 },
      { ...chat, nonsense: 1 },
      { ...chat, messages: 'Hi' },
      { ...chat, alignment: { guides: [{ guide: 'positive', weight: 0.5 }] } },
      { ...chat, alignment: { guides: [{ guide: 'positive', weight: 1000 }] } },
    ]
    const verdicts = bodies.map((body) => valid(body))
    const served = await Promise.all(bodies.map(async (body) => (await toyGateway().chat(body)).status === 200))
    assert.deepEqual(verdicts, served)
    assert.deepEqual(verdicts, [true, false, false, false, true, false])
  })

  it('describes the errors that the server gives', async () => {
    const error = await jsonOf(await toyGateway().chat({ temperature: 3 }))
    const valid = ajv.compile(components.schemas.Error)
    assert.ok(valid(error), JSON.stringify(valid.errors))
  })
})
