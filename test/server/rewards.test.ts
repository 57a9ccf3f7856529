import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const limits = { bodyBytes: 2 ** 20, maxChoices: 8, defaultMaxTokens: 64, keepAliveMs: 10_000, heldLogprobs: 500_000 }

test('what cannot be scored is refused by name', async () => {
  const { post } = toyGateway({ limits })
  const body = { reward: 'length', prompt: 'x', responses: ['y'] }
  for (const [change, param] of [
    [{ responses: [] }, 'responses'],
    [{ responses: ['y', 3] }, 'responses[1]'],
    [{ responses: Array.from({ length: 257 }, () => 'y') }, 'responses'],
    [{ references: ['z', 'z'.repeat(32_001)] }, 'references[1]'],
    [{ prompt: undefined }, 'messages'],
    [{ reward: {} }, 'reward'],
    [{ stream: true }, 'stream'],
  ] as const) {
    const response = await post('/v1/rewards', { ...body, ...change })
    assert.equal(response.status, 400)
    assert.equal((await jsonOf(response)).error.param, param)
  }
})
