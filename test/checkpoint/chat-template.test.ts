import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type ChatMessage, openChatTemplate } from '../../src/decoding/checkpoint/chat-template.ts'
import { readTokenizerConfig } from '../../src/decoding/checkpoint/tokenizer-json.ts'
import { temporaryFolder } from './fixtures.ts'
import { chatmlTemplate, writeTinyTokenizer } from './tiny-tokenizer.ts'

const hello: ChatMessage[] = [{ role: 'user', content: 'hello' }]

function open(config: Record<string, unknown>, jinja?: string) {
  const folder = temporaryFolder()
  writeTinyTokenizer(folder, config)
  if (jinja !== undefined) writeFileSync(join(folder, 'chat_template.jinja'), jinja)
  return openChatTemplate('m', folder, readTokenizerConfig('m', folder))
}

const render = (template: string) => open({ chat_template: template })?.render(hello)

describe('a chat template', () => {
  test('asks for the next assistant message', () => {
    assert.equal(render(chatmlTemplate), '<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n')
  })

  test('sees the special tokens that the tokenizer names, and no others', () => {
    assert.equal(render('{{ bos_token }}{{ eos_token }}'), '<|endoftext|><|im_end|>')
    assert.equal(render('{{ unk_token is defined }}'), 'false')
  })

  test('sees no tools, in the way transformers gives none', () => {
    assert.equal(render('{% if tools is not none %}tools{% else %}none{% endif %}'), 'none')
  })

  test('may mark the generated part, as templates for training do', () => {
    assert.equal(render('{% generation %}x{% endgeneration %}'), 'x')
  })

  test('may ask for the date', () => {
    assert.match(render("{{ strftime_now('%Y') }}") ?? '', /^20\d\d$/)
  })

  test("of Mistral's kind gets ids of nine letters and digits, which is all it takes; a call and its result share theirs", () => {
    const template =
      '{% if tools %}[TOOL_CALLS]{% endif %}{% for message in messages %}{{ message.tool_call_id }}' +
      '{% if message.tool_calls is defined %}{% for call in message.tool_calls %}{{ call.id }}{% endfor %}{% endif %} {% endfor %}'
    const id = 'call_0123456789abcdef'
    const called = { id, type: 'function', function: { name: 'f', arguments: {} } } as const
    const talk: ChatMessage[] = [
      { role: 'assistant', content: '', tool_calls: [called, { ...called, id: 'a-1' }] },
      { role: 'tool', content: '3', tool_call_id: id },
    ]
    assert.equal(open({ chat_template: template })?.render(talk)?.trim(), '789abcdef0000000a1 789abcdef')
    const hermes = template.replace('[TOOL_CALLS]', '<tool_call>')
    assert.equal(open({ chat_template: hermes })?.render(talk)?.trim(), `${id}a-1 ${id}`)
  })

  test('that raises is the request at fault', () => {
    const expected = { name: 'InvalidRequestError', param: 'messages', message: /only one turn/ }
    assert.throws(() => render("{{ raise_exception('only one turn') }}"), expected)
    assert.throws(() => render('{{ messages[0].content.nothing() }}'), { name: 'InvalidRequestError' })
  })

  test('of chat_template.jinja wins, and of a list the one named default', () => {
    assert.equal(open({}, 'from jinja')?.render(hello), 'from jinja')
    const named = (name: string) => [
      { name: 'rag', template: 'r' },
      { name, template: 'd' },
    ]
    assert.equal(open({ chat_template: named('default') })?.render(hello), 'd')
    assert.throws(() => open({ chat_template: named('other') }), /no chat template is named 'default', only rag, other/)
  })

  test('may be missing, and is refused when it cannot be parsed', () => {
    assert.equal(open({ chat_template: null }), undefined)
    assert.throws(() => open({ chat_template: '{% if %}' }), { name: 'CheckpointError', message: /cannot be parsed/ })
  })
})
