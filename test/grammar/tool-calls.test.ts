import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GrammarError } from '../../src/decoding/grammar/grammar-error.ts'
import type { ToolFormat, ToolOffer } from '../../src/decoding/tool-calls.ts'
import { accepts, byteGrammars, stateAfter } from './byte-vocabulary.ts'

const tool = (name: string, parameters: Readonly<Record<string, unknown>>) =>
  ({ type: 'function', function: { name, parameters } }) as const
const definitions = [
  tool('where', { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }),
  tool('stop', { type: 'object', properties: {}, additionalProperties: false }),
]
const grammars = byteGrammars()
const of = (format: ToolFormat, offer: Partial<ToolOffer>, otherwise?: { readonly type: 'json-object' }) =>
  grammars.get({
    type: 'tool-calls',
    format,
    offer: { definitions, choice: 'auto', parallel: true, ...offer },
    otherwise,
  })

const where = '{"name": "where", "arguments": {"city":"Bath"}}'
const stop = '{"name": "stop", "arguments": {}}'
const hermes = (...calls: readonly string[]) => calls.map((call) => `<tool_call>\n${call}\n</tool_call>`).join('\n')

test('required: one call or several of any tool, and nothing else', () => {
  const grammar = of('hermes', { choice: 'required' })
  for (const text of [hermes(where), hermes(stop), hermes(where, stop, where)]) assert.ok(accepts(grammar, text), text)
  const wrong = [
    '',
    'Hi',
    where,
    hermes('{"name": "none", "arguments": {}}'),
    hermes('{"name": "stop", "arguments": {"city":"x"}}'),
  ]
  for (const text of wrong) assert.ok(!accepts(grammar, text), text)
})

test('without parallel calls, and for a named tool, it is one call', () => {
  assert.ok(!accepts(of('hermes', { choice: 'required', parallel: false }), hermes(where, stop)))
  const named = of('hermes', { choice: { name: 'stop' } })
  assert.deepEqual(
    [accepts(named, hermes(stop)), accepts(named, hermes(where)), accepts(named, hermes(stop, stop))],
    [true, false, false],
  )
})

test('auto: any text, until a call is begun, which must then be a whole one', () => {
  const grammar = of('hermes', {})
  for (const text of ['', 'Hello <tool_ <<tool_cal <b>', `Wait.\n${hermes(where)}`, `<tool_<tool_call${hermes(stop)}`])
    assert.ok(accepts(grammar, text), text)
  for (const text of ['<tool_call>', '<tool_call>\n{"name": "x', `${hermes(where)} more`, `a<tool_call> b`])
    assert.ok(!accepts(grammar, text), text)
  assert.ok(stateAfter(grammar, 'Hi <tool_call>\n{"name": "where", "argu'))
})

test('auto beside a response format: a call, or that', () => {
  const grammar = of('hermes', {}, { type: 'json-object' })
  assert.deepEqual(
    ['{"a":1}', hermes(stop), 'text'].map((text) => accepts(grammar, text)),
    [true, true, false],
  )
})

test('llama: the answer is a call or begins with no brace', () => {
  const grammar = of('llama', {})
  const call = stop.replace('arguments', 'parameters')
  assert.deepEqual(
    [call, 'No {"a"', '', '{"a": 1}', `${call} and`].map((text) => accepts(grammar, text)),
    [true, true, true, false, false],
  )
})

test('mistral: a list of calls behind its marker', () => {
  const grammar = of('mistral', {})
  assert.deepEqual(
    [`[TOOL_CALLS][${where}, ${stop}]`, 'a list: [1]', `Wait [TOOL_CALLS][${stop}]`, '[TOOL_CALLS] 1'].map((text) =>
      accepts(grammar, text),
    ),
    [true, true, true, false],
  )
})

test('parameters that cannot be decoded under are refused with the number of their tool', () => {
  for (const [parameters, path, message] of [
    [{ type: 'object', properties: { a: { not: {} } } }, '#/properties/a', /'not'/],
    [{ type: 'array' }, '#', /arguments are an object/],
  ] as const)
    assert.throws(
      () => of('hermes', { definitions: [...definitions, tool('bad', parameters)] }),
      (error) =>
        error instanceof GrammarError && error.tool === 2 && error.path === path && message.test(error.message),
    )
})
