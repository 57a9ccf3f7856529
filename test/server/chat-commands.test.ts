import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chatHelp, readChatInput } from '../../src/server/cli/chat-commands.ts'
import { type ChatSettings, describeSettings, noSettings, toChatBody } from '../../src/server/cli/chat-settings.ts'
import { ClientError } from '../../src/server/cli/client-error.ts'

/** The settings after these lines. */
function after(...lines: readonly string[]): ChatSettings {
  return lines.reduce((settings, line) => {
    const input = readChatInput(line, settings)
    return input.type === 'settings' ? input.settings : assert.fail(`${line} is no setting`)
  }, noSettings)
}

const turns = [{ role: 'user', content: 'Hi' }] as const
const bodyAfter = (...lines: readonly string[]) =>
  JSON.parse(JSON.stringify(toChatBody(after(...lines), 'tiny', turns)))
const plain = { model: 'tiny', messages: [...turns], stream: true }

describe('what is typed into a chat', () => {
  it('is a message unless it begins with a slash', () => {
    assert.deepEqual(readChatInput(' What is 1/2? ', noSettings), { type: 'message', text: 'What is 1/2?' })
    assert.deepEqual(readChatInput('/reset', noSettings), { type: 'action', action: 'reset' })
  })

  it('asks for the base alone as long as nothing steers', () => {
    assert.deepEqual(bodyAfter(), plain)
    assert.deepEqual(bodyAfter('/weight positive 1', '/weight positive 0', '/policy a', '/policy off'), plain)
  })

  it('steers by guides, principles, objectives, a policy and whatever else alignment has', () => {
    const lines = [
      '/weight positive 0.8',
      '/weight positive -1.5',
      '/principle 2 Be brief.',
      '/prefer concise 0.3',
      '/policy friendly',
      '/alignment {"trace": true}',
    ]
    const alignment = {
      trace: true,
      policy: 'friendly',
      guides: [
        { guide: 'positive', weight: -1.5 },
        { principle: 'Be brief.', weight: 2 },
      ],
      preferences: { concise: 0.3 },
    }
    assert.deepEqual(bodyAfter(...lines), { ...plain, alignment })
    assert.match(describeSettings(after(...lines), 'tiny'), /"positive","weight":-1.5/)
  })

  it('sets what a request has besides', () => {
    const body = bodyAfter('/system Be kind.', '/temperature 0', '/seed 7', '/max-tokens 9')
    const messages = [{ role: 'system', content: 'Be kind.' }, ...turns]
    assert.deepEqual(body, { ...plain, messages, temperature: 0, seed: 7, max_tokens: 9 })
    assert.equal(after('/model tiny-friendly').model, 'tiny-friendly')
  })

  const mistakes: readonly (readonly [line: string, told: RegExp])[] = [
    ['/wieght positive 1', /no \/wieght; there are \/weight, .*\/exit/],
    ['/weight', /\/weight <guide> <number>: steer by a guide/],
    ['/weight positive', /a name and a number/],
    ['/weight positive much', /'much' is not a number/],
    ['/principle Be brief.', /'Be' is not a number/],
    ['/temperature hot', /'hot' is not a number/],
    ['/alignment {', /not JSON/],
    ['/alignment 3', /a JSON object/],
    ['/constructor', /no \/constructor/],
  ]
  for (const [line, told] of mistakes) {
    it(`tells what is wrong with ${line}`, () => {
      assert.throws(
        () => readChatInput(line, noSettings),
        (error) => error instanceof ClientError && told.test(error.message),
      )
    })
  }

  it('is explained by /help, each command in a line', () => {
    for (const name of ['weight', 'principle', 'policy', 'reset', 'again', 'exit']) {
      assert.match(chatHelp(), new RegExp(`^  /${name}\\b.* {2}\\w`, 'm'))
    }
  })
})
