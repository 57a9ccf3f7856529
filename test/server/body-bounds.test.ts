import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { arrayField } from '../../src/server/array-field.ts'
import { refuseMonstrousJson } from '../../src/server/json-bounds.ts'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const limits = { bodyBytes: 2 ** 21, maxChoices: 8, defaultMaxTokens: 64, keepAliveMs: 10_000, heldLogprobs: 1000 }
const many = (count: number, member: string) => `[${Array.from({ length: count }, () => member).join(',')}]`
const fields = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`

/** What the route says to `field`, laid beside a good request. */
async function told(path: string, field: string) {
  const good = path.includes('chat') ? '"messages":[{"role":"user","content":"x"}]' : '"prompt":"x"'
  const response = await toyGateway({ limits }).post(path, `{"model":"tiny",${good},${field}}`)
  return { status: response.status, ...(await jsonOf(response)).error }
}

describe('bodies of very many very small things', () => {
  const cases: readonly (readonly [what: string, field: string, param: string | null, message: RegExp])[] = [
    ['objects', `"messages":${many(30_000, '{}')}`, null, /more than 13000 objects and lists/],
    ['fields', `"metadata":${fields(60_000)}`, null, /more than 32000 fields/],
    ['levels', `"stop":${'['.repeat(70)}${']'.repeat(70)}`, null, /nested deeper than 64/],
    ['messages', `"messages":${many(5000, '1')}`, 'messages', /<=4096/],
    ['stop strings', `"stop":${many(100_000, '"a"')}`, 'stop', /<=16/],
    ['text parts', `"messages":[{"role":"user","content":${many(2000, '1')}}]`, 'messages[0].content', /2000 members/],
    ['biases', `"logit_bias":${fields(20_000)}`, 'logit_bias', /has 20000 members; at most 16384/],
    ['metadata', `"metadata":${fields(2000)}`, 'metadata', /2000 members; at most 1024/],
    ['preferences', `"alignment":{"preferences":${fields(2000)}}`, 'alignment.preferences', /at most 1024/],
    ['unknown fields', fields(2000).slice(1, -1), null, /The body has 200\d members/],
    ['tools', `"tools":${many(2000, '1')}`, 'tools', /2000 members/],
  ]
  for (const [what, field, param, message] of cases) {
    it(`too many ${what} are refused with the bound`, async () => {
      const problem = await told('/v1/chat/completions', field)
      assert.equal(problem.status, 400)
      assert.match(problem.message, message)
      assert.equal(problem.param, param)
    })
  }

  it('too many prompts, and a prompt of more ids than the context has, are refused before the engine sees them', async () => {
    assert.match((await told('/v1/completions', `"prompt":${many(300_000, '""')}`)).message, /at most 128/)
    const long = await told('/v1/completions', `"prompt":${many(300_000, '1')}`)
    assert.equal(long.code, 'context_length_exceeded')
    assert.match(long.message, /512 tokens; the prompt has 300000/)
    assert.equal(
      (await told('/v1/completions', `"prompt":${many(2, many(2000, '1'))}`)).code,
      'context_length_exceeded',
    )
  })

  it('brackets and colons within texts do not count', () => {
    const text = JSON.stringify({ text: '{[:"\\'.repeat(100_000) })
    assert.doesNotThrow(() => refuseMonstrousJson(new TextEncoder().encode(text)))
  })
})

describe('a list of a schema', () => {
  it('is looked at only up to its first mistake', () => {
    let seen = 0
    const item = z.unknown().refine(() => {
      seen += 1
      return seen < 3
    }, 'is wrong')
    const result = arrayField(item, { max: 10 }).safeParse([1, 2, 3, 4, 5])
    assert.deepEqual(
      result.error?.issues.map(({ path, message }) => [path, message]),
      [[[2], 'is wrong']],
    )
    assert.equal(seen, 3)
  })

  it('is not looked into when it is too long', () => {
    const item = z.unknown().refine(() => assert.fail('it looked'))
    assert.equal(arrayField(item, { max: 1 }).safeParse([1, 2]).error?.issues[0]?.code, 'too_big')
  })
})
