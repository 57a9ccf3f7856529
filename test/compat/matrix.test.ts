import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Outcome } from '../../compat/clients.ts'
import { startDouble } from '../../compat/double.ts'
import { type Column, failuresOf, toMatrix } from '../../compat/matrix.ts'

const outcome = (name: string, result: Outcome['outcome'], detail = ''): Outcome => ({
  case: name,
  outcome: result,
  detail,
})
const column = (name: string, ...outcomes: readonly Outcome[]): Column => ({
  name,
  version: '1.0',
  command: '',
  args: [],
  outcomes,
})

describe('the table of clients', () => {
  const columns = [
    column('a', outcome('chat', 'pass'), outcome('tools', 'pass', '400')),
    column('b', outcome('chat', 'fail', 'TypeError: no')),
  ]

  it('has a row for each case, and a dash where a client has no way to ask', () => {
    assert.equal(
      toMatrix(columns),
      ['|  | a 1.0 | b 1.0 |', '| --- | --- | --- |', '| chat | ok | FAILS |', '| tools | 400 | - |'].join('\n'),
    )
  })

  it('comes with what failed, in words', () => {
    assert.deepEqual(failuresOf(columns), ['b: chat: TypeError: no'])
  })
})

describe('the double of an upstream', () => {
  it('calls the tool it is given, whole and in parts', async () => {
    const double = await startDouble()
    try {
      const ask = async (body: object) => {
        return await fetch(`${double.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) })
      }
      const whole = (await (await ask({ tools: [{}] })).json()) as { choices: { message: { tool_calls: unknown[] } }[] }
      assert.equal(whole.choices[0]?.message.tool_calls.length, 1)
      const events = (await (await ask({ tools: [{}], stream: true })).text()).trim().split('\n\n')
      const data = events.map((event) => event.slice('data: '.length))
      assert.equal(data.pop(), '[DONE]')
      const parts = data.map((text) => JSON.parse(text).choices[0].delta.tool_calls?.[0].function.arguments ?? '')
      assert.equal(parts.join(''), '{"city":"Bath"}')
    } finally {
      double.close()
    }
  })
})
