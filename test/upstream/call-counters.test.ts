import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import { fakeUpstream } from './fake-upstream.ts'
import { testSettings } from './settings.ts'

describe('the counts of an upstream', () => {
  it('have every attempt by what it came to, and the retries', async (context) => {
    const statuses = [200, 404, 503, 200]
    const fake = await fakeUpstream((_, response) => {
      response.writeHead(statuses.shift() ?? 500).end('{}')
    })
    context.after(() => fake.close())
    const client = openUpstream(testSettings([fake.url]))
    context.after(() => client.close())
    const { signal } = new AbortController()
    const call = { method: 'POST', path: '/v1/completions', body: Buffer.from('{}') }
    for (let calls = 0; calls < 3; calls++) await (await client.request(call, { signal })).bytes()
    const { outcomes, retries, headSeconds } = client.counts
    assert.deepEqual(outcomes, { '2xx': 2, '4xx': 1, '5xx': 1 })
    assert.equal(retries, 1)
    assert.equal(
      headSeconds.counts.reduce((sum, count) => sum + count, 0),
      4,
    )
  })
})
