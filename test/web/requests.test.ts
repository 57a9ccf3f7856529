import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chatRequest } from '../../src/server/chat-request.ts'
import { type Setting, startSetting } from '../../web/state/setting.ts'
import { type Language, languages, snippet } from '../../web/state/snippets.ts'
import { meanOf, weightsOf, withWeight } from '../../web/state/sweep.ts'
import { alignedRequest, baseRequest, observed } from '../../web/state/to-request.ts'

const setting: Setting = { ...startSetting, model: 'tiny', prompt: "What's 2 + 2?", seed: 3 }
const settings: Readonly<Record<string, Setting>> = {
  plain: setting,
  guided: {
    ...setting,
    system: 'Be kind.',
    guides: { positive: 0.5, formal: -1, concise: 0 },
    objectives: { careful: 1, idle: 0 },
    principle: '  Be "brief".\n',
    principleWeight: 2,
  },
  'best of n': { ...setting, method: 'best_of', bestOf: { n: 4, reward: 'steps', select: 'soft', pruneAt: [10, 21] } },
  particles: { ...setting, method: 'particles', objectives: { careful: 1 } },
}

for (const [name, one] of Object.entries(settings))
  test(`the server takes what the page asks: ${name}`, () => {
    for (const body of [baseRequest(one), alignedRequest(one), observed(alignedRequest(one))])
      assert.doesNotThrow(() => chatRequest.parse(body))
  })

test('what is at zero or empty is not sent', () => {
  assert.deepEqual(alignedRequest(setting), baseRequest(setting))
  assert.deepEqual(alignedRequest({ ...setting, principle: ' ' }), baseRequest(setting))
  assert.deepEqual(alignedRequest(settings['guided']!).alignment, {
    guides: [
      { guide: 'positive', weight: 0.5 },
      { guide: 'formal', weight: -1 },
      { principle: 'Be "brief".', weight: 2 },
    ],
    preferences: { careful: 1 },
  })
  assert.equal(alignedRequest({ ...settings['guided']!, principleWeight: 0 }).alignment!.guides!.length, 2)
})

test('a trace is asked for where there is something to trace', () => {
  assert.equal('alignment' in observed(baseRequest(setting)), false)
  assert.equal(observed(alignedRequest(settings['guided']!)).alignment!.trace, true)
})

const code = (language: Language, one: Setting) =>
  snippet(language, alignedRequest(one), { origin: 'http://127.0.0.1:8080', wantsKey: false })

test("curl's body survives the shell's quotes and is the request", () => {
  for (const one of Object.values(settings)) {
    const quoted = /-d '(.*)'$/s.exec(code('curl', one))![1]!
    assert.deepEqual(JSON.parse(quoted.replaceAll("'\\''", "'")), { ...alignedRequest(one), stream: true })
  }
})

test('every program asks the same, and only needs extra_body where there is alignment', () => {
  for (const language of languages)
    for (const one of Object.values(settings)) assert.match(code(language, one), /127\.0\.0\.1:8080\/v1/)
  assert.doesNotMatch(code('Python', setting), /extra_body/)
  assert.match(
    code('Python', settings['guided']!),
    /extra_body=\{"alignment": \{"guides": \[\{"guide": "positive", "weight": 0\.5\}/,
  )
  assert.match(code('Python', setting), /stream=True/)
  assert.match(code('TypeScript', settings['guided']!), /@ts-expect-error.*\n {2}alignment: \{/)
})

test('a sweep turns one knob evenly, and its mean has a standard error', () => {
  assert.deepEqual(weightsOf({ from: -1, to: 2, points: 4 }), [-1, 0, 1, 2])
  assert.deepEqual(weightsOf({ from: 0, to: 0.3, points: 4 }), [0, 0.1, 0.2, 0.3])
  assert.deepEqual(withWeight(setting, { knob: 'guides', name: 'positive' }, 2).guides, { positive: 2 })
  assert.equal(withWeight(setting, { knob: 'principle', name: '' }, 2).principleWeight, 2)
  assert.deepEqual(meanOf([1, 2, 3]), { mean: 2, error: Math.sqrt(1 / 3) })
  assert.deepEqual(meanOf([1]), { mean: 1, error: 0 })
})

test('a program for a server that wants a key reads it from the environment', () => {
  const server = { origin: 'http://127.0.0.1:8080', wantsKey: true }
  const programs = languages.map((language) => snippet(language, baseRequest(setting), server))
  const readings = [
    /-H "Authorization: Bearer \$TRIMTAB_API_KEY"/,
    /os\.environ\["TRIMTAB_API_KEY"\]/,
    /process\.env\.TRIMTAB_API_KEY/,
  ]
  for (const [index, reading] of readings.entries()) assert.match(programs[index]!, reading)
})
