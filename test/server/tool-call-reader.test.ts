import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ToolFormat } from '../../src/decoding/tool-calls.ts'
import { addPiece } from '../../src/server/answers.ts'
import { ToolCallReader } from '../../src/server/tool-call-reader.ts'

function read(format: ToolFormat, pieces: readonly string[]) {
  const reader = new ToolCallReader(format, ['f', 'g'])
  const calls: { name: string; arguments: string }[] = []
  let text = ''
  for (const read of [...pieces.map((piece) => reader.push(piece)), reader.finish()]) {
    text += read.text
    for (const piece of read.calls) addPiece(calls, piece)
  }
  return { text, calls: calls.map((call) => [call.name, call.arguments]) }
}

const brace = '{"a": "}{\\"", "b": {"c": "</tool_call>"}}'
const call = (name: string) => `<tool_call>\n{"name": "${name}", "arguments": {}}\n</tool_call>`
const cases: readonly (readonly [ToolFormat, answer: string, text: string, calls: readonly (readonly string[])[]])[] = [
  ['hermes', 'Hello <b>there</b>.', 'Hello <b>there</b>.', []],
  ['hermes', `<tool_call>\n{"name": "f", "arguments": ${brace}}\n</tool_call>`, '', [['f', brace]]],
  ['hermes', 'Let me see.\n<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>', 'Let me see.\n', [['f', '{}']]],
  [
    'hermes',
    '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>',
    '',
    [
      ['f', '{"x": 1}'],
      ['g', '{}'],
    ],
  ],
  ['hermes', 'a <tool_call>\n{"name": "f', 'a <tool_call>\n{"name": "f', []],
  ['hermes', 'a <tool_', 'a <tool_', []],
  ['hermes', '<tool_call>\n{"name": "f", "arguments": {"x": "cut', '', [['f', '{"x": "cut']]],
  ['llama', '{"name": "f", "parameters": {"x": 1}}', '', [['f', '{"x": 1}']]],
  ['llama', 'It is {"name": "f"}.', 'It is {"name": "f"}.', []],
  ['llama', '{"other": 1}', '{"other": 1}', []],
  // an answer by a response format is no call, though it has a name or a call in it
  ['llama', '{"name": "Bob", "parameters": {}}', '{"name": "Bob", "parameters": {}}', []],
  ['llama', '{"name": "f", "parameters": 5}', '{"name": "f", "parameters": 5}', []],
  ['hermes', '{"a": "<tool_call> <tool_call>", "b": 1}', '{"a": "<tool_call> <tool_call>", "b": 1}', []],
  // cut behind the first call: its end is no text
  ['hermes', `${call('f')}\n<tool_ca`, '', [['f', '{}']]],
  ['hermes', `${call('f')}\n<tool_call>\n{"name": "g`, '<tool_call>\n{"name": "g', [['f', '{}']]],
  ['mistral', '[TOOL_CALLS][{"name": "f", "arguments": {}}, ', '', [['f', '{}']]],
  [
    'mistral',
    '[TOOL_CALLS][{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"x": [1]}}]',
    '',
    [
      ['f', '{}'],
      ['g', '{"x": [1]}'],
    ],
  ],
]

for (const [format, answer, text, calls] of cases)
  test(`${format}: ${answer.slice(0, 60)}`, () => {
    assert.deepEqual(read(format, [answer]), { text, calls })
    assert.deepEqual(read(format, [...answer]), { text, calls })
  })

test('how an answer is split into pieces makes no difference', () => {
  const splits = fc.tuple(fc.constantFrom(...cases), fc.array(fc.nat(80), { maxLength: 6 }))
  fc.assert(
    fc.property(splits, ([[format, answer, text, calls], cuts]) => {
      const at = [0, ...cuts.filter((cut) => cut < answer.length).sort((a, b) => a - b), answer.length]
      const pieces = at.slice(1).map((end, i) => answer.slice(at[i], end))
      assert.deepEqual(read(format, pieces), { text, calls })
    }),
    { numRuns: 200, seed: 3 },
  )
})

test('what does not begin a call after all is told at once, and a call that is not whole is known as cut', () => {
  const reader = new ToolCallReader('hermes', ['f'])
  assert.equal(reader.push('{"a": "<tool_call>').text, '{"a": "')
  assert.equal(reader.push(' is').text, '<tool_call> is')
  const second = new ToolCallReader('hermes', ['f'])
  second.push('<tool_call>\n{"name": "f", "arguments": {"x": 1')
  assert.deepEqual([second.calls, second.cut], [1, true])
  second.push('}')
  assert.equal(second.cut, false)
})
