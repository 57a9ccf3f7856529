import assert from 'node:assert/strict'
import { test } from 'node:test'
import { align } from '../../src/guidance/alignment.ts'
import { withPrinciple } from '../../src/guidance/principle.ts'
import { toyDirectory } from '../laws/toy-models.ts'
import { aligned, catalogue, messages, parsed, prompt, scrambled } from '../laws/toy-request.ts'

const coefficients = (json: unknown) =>
  aligned(json).terms.map(({ model, adapter, coefficient }) => [model, adapter, coefficient])

const withoutMessages = { base: prompt.base, messages: undefined }

test('no guides: the base alone', () => {
  assert.deepEqual(aligned({}), {
    method: 'base',
    terms: [{ ...prompt.base, coefficient: 1 }],
    readings: [],
    baseWeight: 1,
  })
})

test('terms come base first, then in the order of the guides', () => {
  assert.deepEqual(coefficients({ guides: [{ guide: 'reasoner' }, { guide: 'positive', weight: 0.5 }] }), [
    ['base', undefined, 1],
    ['module', undefined, 1],
    ['base', 'positive', 0.5],
  ])
})

test('the base stays first even when its coefficient becomes 0; other contexts that cancel are dropped', () => {
  const principle = aligned({ guides: [{ principle: 'Be brief.' }] }).terms
  assert.deepEqual(
    principle.map(({ coefficient }) => coefficient),
    [0, 1],
  )
  assert.equal(principle[0]!.promptIds, prompt.base.promptIds)
  const chain = { guides: [{ contrast: ['tuned', 'untuned'] }, { contrast: ['untuned', 'other'] }] }
  assert.deepEqual(coefficients(chain), [
    ['base', undefined, 1],
    ['tuned', undefined, 1],
    ['other', undefined, -1],
  ])
})

test('weights that cancel but for rounding cost no term', () => {
  const guides = [0.1, 0.2, -0.3].map((weight) => ({ contrast: ['tuned', 'untuned'], weight }))
  assert.deepEqual(coefficients({ guides }), [['base', undefined, 1]])
})

test('a trace keeps cancelled contexts, because readings need them', () => {
  const { terms, readings } = aligned({
    guides: [{ contrast: ['tuned', 'untuned'] }, { contrast: ['untuned', 'other'] }],
    trace: true,
  })
  assert.deepEqual(
    terms.map(({ coefficient }) => coefficient),
    [1, 1, 0, -1],
  )
  assert.deepEqual(readings, [
    {
      name: 'tuned - untuned',
      weight: 1,
      combination: [
        { term: 1, coefficient: 1 },
        { term: 2, coefficient: -1 },
      ],
    },
    {
      name: 'untuned - other',
      weight: 1,
      combination: [
        { term: 2, coefficient: 1 },
        { term: 3, coefficient: -1 },
      ],
    },
  ])
})

test('names in a trace are unique', () => {
  const guides = [{ guide: 'positive' }, { guide: 'positive', weight: -1 }]
  assert.deepEqual(
    aligned({ guides, trace: true }).readings.map(({ name }) => name),
    ['positive', 'positive (2)'],
  )
  const lookalike = [...guides, { principle: 'positive (2)' }, { principle: 'positive' }]
  assert.deepEqual(
    aligned({ guides: lookalike, trace: true }).readings.map(({ name }) => name),
    ['positive', 'positive (2)', 'positive (2) (2)', 'positive (3)'],
  )
})

test('the method names the kinds of guides at work', () => {
  const guides = [{ guide: 'brief' }, { guide: 'positive' }, { guide: 'formal' }, { guide: 'reasoner', weight: 0 }]
  assert.equal(aligned({ guides }).method, 'genarm+principle')
})

test('unknown names list the known ones and blame their field', () => {
  const cases: [unknown, string, RegExp][] = [
    [
      { guides: [{ guide: 'brief' }, { guide: 'postive' }] },
      'alignment.guides[1].guide',
      /'postive'.*positive, formal, arm/,
    ],
    [{ guides: [{ guide: 'nobody', weight: 0 }] }, 'alignment.guides[0].guide', /Known guides/],
    [
      { guides: [{ contrast: ['tuned', 'nobody'] }] },
      'alignment.guides[0].contrast',
      /Known models: base, arm.*; trained guides: positive, /,
    ],
    [{ guides: [{ contrast: ['tuned', 'brief'] }] }, 'alignment.guides[0].contrast', /Known models/],
    [{ preferences: { nice: 1 } }, 'alignment.preferences.nice', /Known objectives: kind, sound/],
  ]
  for (const [json, param, message] of cases) {
    assert.throws(() => aligned(json), { name: 'InvalidRequestError', param, message })
  }
})

test('without a catalogue the error says so', () => {
  const empty = { guides: new Map(), objectives: new Map() }
  assert.throws(() => aligned({ guides: [{ guide: 'a' }] }, { catalogue: empty }), /No guide is configured/)
})

test('what needs a conversation is refused for plain completions, by the field that asked', () => {
  const cases: [unknown, string][] = [
    [{ guides: [{ principle: 'Be brief.' }] }, 'alignment.guides[0].principle'],
    [{ guides: [{ guide: 'positive' }, { guide: 'brief' }] }, 'alignment.guides[1].guide'],
    [{ guides: [{ guide: 'own-arm' }] }, 'alignment.guides[0].guide'],
  ]
  for (const [json, param] of cases) {
    assert.throws(() => aligned(json, { prompt: withoutMessages }), { name: 'InvalidRequestError', param })
  }
  assert.equal(
    aligned({ guides: [{ guide: 'arm' }, { guide: 'reasoner' }] }, { prompt: withoutMessages }).terms.length,
    3,
  )
})

test('a model with another vocabulary cannot guide', () => {
  const models = { ...toyDirectory(scrambled), sharesVocabulary: (_: string, other: string) => other !== 'module' }
  assert.throws(() => align(parsed({ guides: [{ guide: 'reasoner' }] }), catalogue, prompt, models), {
    param: 'alignment.guides[0].guide',
    message: /'module' has another vocabulary/,
  })
})

test('a principle that the chat template leaves out is refused, by the field that asked', () => {
  const directory = toyDirectory(scrambled)
  const deaf: typeof directory = {
    ...directory,
    renderAndEncode: (model, given) =>
      directory.renderAndEncode(
        model,
        given.filter(({ role }) => role !== 'system'),
      ),
  }
  const cases: [unknown, string][] = [
    [{ guides: [{ principle: 'Be brief.' }] }, 'alignment.guides[0].principle'],
    [{ guides: [{ guide: 'positive' }, { guide: 'brief', weight: -1 }] }, 'alignment.guides[1].guide'],
  ]
  for (const [json, param] of cases) {
    const message = /chat template of 'base' ignores system messages/
    assert.throws(() => align(parsed(json), catalogue, prompt, deaf), { name: 'InvalidRequestError', param, message })
  }
})

test('an arm without a template of its own reads the base prompt, and then needs no messages', () => {
  const models = { ...toyDirectory(scrambled), hasChatTemplate: (model: string) => model !== 'arm' }
  const { terms } = align(parsed({ guides: [{ guide: 'own-arm' }] }), catalogue, withoutMessages, models)
  assert.equal(terms[1]!.promptIds, prompt.base.promptIds)
})

test('model_arithmetic needs a positive sum of weights', () => {
  const guides = [{ guide: 'positive', weight: -1, form: 'plain' }]
  assert.throws(() => aligned({ guides, compat: 'model_arithmetic' }), { param: 'alignment.compat' })
  const halved = aligned({ guides: [{ guide: 'positive' }], compat: 'model_arithmetic', trace: true })
  assert.deepEqual([halved.baseWeight, halved.readings[0]!.weight], [0.5, 0.5])
})

test('a principle joins the system message, or becomes one', () => {
  assert.deepEqual(withPrinciple(messages, 'P'), [{ role: 'system', content: 'P' }, ...messages])
  for (const role of ['system', 'developer']) {
    assert.deepEqual(withPrinciple([{ role, content: 'S' }, ...messages], 'P'), [
      { role, content: 'S\n\nP' },
      ...messages,
    ])
  }
  assert.deepEqual(withPrinciple([{ role: 'system', content: '' }], 'P'), [{ role: 'system', content: 'P' }])
})
