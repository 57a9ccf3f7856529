import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { GrammarError } from '../../src/decoding/grammar/grammar-error.ts'
import { accepts, allowedIds, byteGrammars, tokens } from './byte-vocabulary.ts'

const grammars = byteGrammars()
const ofSchema = (schema: unknown) => grammars.get({ type: 'json-schema', schema })

const tree = {
  $defs: {
    node: {
      type: 'object',
      properties: { v: { type: 'integer' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
      required: ['v', 'next'],
    },
  },
  $ref: '#/$defs/node',
}
const person = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 4 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    tags: { type: 'array', items: { enum: ['a', 'bé', 3, null, { x: [1] }] }, maxItems: 3 },
  },
  required: ['age'],
  additionalProperties: false,
}

/** Schemas, and texts of which each one is said to be in its language or not. */
const cases: readonly (readonly [
  name: string,
  schema: unknown,
  inside: readonly string[],
  outside: readonly string[],
])[] = [
  [
    'any',
    {},
    ['1', '"a"', '[1, {"a": null}]', '{"a":\n  []}', '-0.5e+10', '"\\u00e9\\n"'],
    ['', '01', '"', '[1,]', '"\\ud800"', '{a:1}', "'a'", '1 ', '"\n"'],
  ],
  [
    'object',
    person,
    ['{"age":3}', '{"name": "ab", "age": 120, "tags": ["bé", {"x":[1]}]}', '{ "age": 0, "tags": [ ] }'],
    [
      '{}',
      '{"age":121}',
      '{"age":01}',
      '{"age":1,"name":"a"}',
      '{"name":"abcde","age":1}',
      '{"age":1,"x":2}',
      '{"age":1,"tags":[3,3,3,3]}',
    ],
  ],
  [
    'optional members',
    { properties: { a: {}, b: {}, c: {} } },
    ['{}', '{"b":1}', '{"a":1,"c":2}', '{"a":1, "b":2, "c":3}'],
    ['{"c":1,"a":1}', '{,"a":1}', '{"a":1,}', '{"d":1}'],
  ],
  [
    'other members',
    { properties: { ab: { type: 'null' } }, additionalProperties: { type: 'integer' } },
    ['{"ab":null}', '{"a":1}', '{"abc":1,"":2}', '{"ab": null, "b": 3}'],
    ['{"ab":1}', '{"a":null}', '{"b":1,"ab":null}'],
  ],
  ['map', { type: 'object', additionalProperties: { type: 'boolean' } }, ['{}', '{"x":true, "y":false}'], ['{"x":1}']],
  [
    'required beside properties',
    { required: ['z'], additionalProperties: { const: 1 } },
    ['{"z":1}', '{"z":1,"y":1}'],
    ['{}', '{"y":1}'],
  ],
  ['integer', { type: 'integer' }, ['0', '-17', '999999999999999'], ['1.0', '1e3', '1000000000000000', '+1', '-']],
  ['number', { type: 'number' }, ['0', '-1.25', '1e5', '3E-07'], ['.5', '1.', '1e', '1e100', 'NaN']],
  [
    'bounds',
    { type: 'integer', minimum: -12, exclusiveMaximum: 105 },
    ['-12', '-3', '0', '9', '99', '104'],
    ['-13', '105', '110', '-99', '007'],
  ],
  [
    'bounds with fractions',
    { type: 'number', minimum: 0.25, maximum: 10.5 },
    ['0.25', '0.3', '1', '9.99', '10', '10.5', '10.50', '10.499'],
    ['0.2', '0.249', '10.51', '11', '0', '100'],
  ],
  [
    'exclusive',
    { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
    ['0.1', '0.001', '0.999'],
    ['0', '0.0', '1', '1.0'],
  ],
  [
    'below zero',
    { type: 'number', minimum: -2.5, maximum: -1 },
    ['-1', '-2.5', '-1.75', '-2'],
    ['-0.5', '-2.6', '0', '1', '-3'],
  ],
  [
    'bounds that no double is equal to',
    { type: 'number', minimum: 36.6, exclusiveMaximum: 1000.1 },
    ['36.6', '36.60', '1000', '1000.09'],
    ['36.59', '1000.1', '1000.10', '1000.09999999999999'],
  ],
  [
    'bounds beyond the digits that are written',
    { type: 'number', minimum: 1e-20, exclusiveMaximum: 1000 },
    ['0.00000000000001', '1', '999.999999999999'],
    ['0', '0.0', '0.00000000000000', '1000', '999.999999999999999'],
  ],
  ['length', { type: 'string', minLength: 2, maxLength: 3 }, ['"ab"', '"日本x"', '"\\n\\n"'], ['"a"', '"abcd"', '""']],
  [
    'pattern',
    { type: 'string', pattern: '^[A-F]{2}\\d+(-x|\\.y)?$' },
    ['"AB1"', '"FF09-x"', '"AA1.y"'],
    ['"AB"', '"GB1"', '"AB1-y"', '"xAB1"'],
  ],
  [
    'pattern beyond 16 bits',
    { type: 'string', pattern: '^\\uD83D\\ude00[\\u{1F600}-\\u{1F603}]$' },
    ['"😀😁"'],
    ['"😀"', '"😀a"'],
  ],
  ['pattern without anchors', { type: 'string', pattern: 'a"b' }, ['"a\\"b"', '"xxa\\"byy"'], ['"ab"', '"a"b"']],
  [
    'format date',
    { type: 'string', format: 'date' },
    ['"2024-02-28"', '"1999-12-31"'],
    ['"2024-02-30"', '"2024-13-01"', '"2024-1-1"', '"2023-06-31"'],
  ],
  [
    'format hostname',
    { type: 'string', format: 'hostname' },
    ['"a-b.example.org"', '"x"'],
    ['"-a"', `"${'ab.'.repeat(90)}org"`],
  ],
  [
    'format email',
    { type: 'string', format: 'email' },
    ['"ann.lee+x@mail.example.org"'],
    ['"ann"', '"a@b"', `"${'a'.repeat(65)}@b.org"`],
  ],
  ['format uuid', { type: 'string', format: 'uuid' }, ['"00000000-aaaa-4bbb-8ccc-0123456789ab"'], ['"0000"']],
  [
    'const and enum',
    { type: 'array', prefixItems: [{ const: 'a"b' }, { enum: [1, 'x'], type: 'string' }], items: false },
    ['[]', '["a\\"b"]', '["a\\"b", "x"]'],
    ['["a\\"b", 1]', '["x"]', '["a\\"b","x",1]'],
  ],
  [
    'counts',
    { type: 'array', items: { type: 'null' }, minItems: 2, maxItems: 3 },
    ['[null,null]', '[null, null, null]'],
    ['[]', '[null]', '[null,null,null,null]'],
  ],
  ['types', { type: ['string', 'null'], maxLength: 1 }, ['null', '"a"', '""'], ['"ab"', '1']],
  [
    'a schema in itself',
    tree,
    ['{"v":1,"next":null}', '{"v":1,"next":{"v":2,"next":{"v":3,"next":null}}}'],
    ['{"v":1}', '{"v":1,"next":1}'],
  ],
  [
    'one of',
    {
      oneOf: [
        { type: 'object', properties: { k: { const: 'a' }, n: { type: 'integer' } }, required: ['k', 'n'] },
        { type: 'object', properties: { k: { const: 'b' } }, required: ['k'] },
      ],
    },
    ['{"k":"a","n":1}', '{"k":"b"}'],
    ['{"k":"a"}', '{"k":"c"}'],
  ],
  [
    'all of one',
    { allOf: [{ $ref: '#/$defs/x' }], description: 'd', $defs: { x: { type: 'boolean' } } },
    ['true'],
    ['1'],
  ],
]

describe('the texts of a schema', () => {
  for (const [name, schema, inside, outside] of cases)
    test(name, () => {
      const grammar = ofSchema(schema)
      for (const text of inside) assert.ok(accepts(grammar, text), `${text} is one`)
      for (const text of outside) assert.ok(!accepts(grammar, text), `${text} is none`)
    })
})

/** A text of the grammar, drawn token by token by a list of random numbers; undefined where they do not bring it to an end. */
function walk(schema: unknown, choices: readonly number[]): string | undefined {
  const grammar = ofSchema(schema)
  let state = grammar.start
  const bytes: Uint8Array[] = []
  for (const choice of choices) {
    const ids = allowedIds(grammar, state)
    if (ids.length === 0 || (state.complete && choice % 3 === 0)) break
    const id = ids[choice % ids.length]!
    bytes.push(tokens[id]!)
    state = grammar.after(state, id)
  }
  return state.complete ? Buffer.concat(bytes).toString('utf8') : undefined
}

test('whatever is drawn is valid against its schema, and no beginning is without a way on', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  let complete = 0
  for (const [name, schema] of cases) {
    const validate = ajv.compile(schema as object)
    const numbers = fc.array(fc.nat(), { minLength: 1, maxLength: 120, size: 'max' })
    const check = (choices: readonly number[]) => {
      const text = walk(schema, choices)
      if (text === undefined) return
      complete++
      assert.ok(!text.includes('\ufffd'), text)
      assert.ok(validate(JSON.parse(text)), `${name}: ${text}`)
    }
    fc.assert(fc.property(numbers, check), { numRuns: 40, seed: 7 })
  }
  assert.ok(complete > 200, `${complete}`)
})

const refusals: readonly (readonly [schema: unknown, path: string, message: RegExp])[] = [
  [{ not: {} }, '#', /'not' is not supported/],
  [{ properties: { a: { type: 'integer', multipleOf: 5 } } }, '#/properties/a', /multipleOf/],
  [{ properties: { 'a/b': { type: 'text' } } }, '#/properties/a~1b/type', /"text" does not exist/],
  [{ type: 'array', uniqueItems: true }, '#', /uniqueItems/],
  [{ type: 'string', pattern: '(?=a)b' }, '#/pattern', /lookarounds/],
  [{ type: 'string', pattern: '(a' }, '#/pattern', /missing/],
  [{ type: 'string', pattern: 'a^b' }, '#/pattern', /anchors/],
  [{ type: 'string', pattern: 'a', minLength: 2 }, '#', /length beside 'pattern'/],
  [{ type: 'string', format: 'uri' }, '#/format', /only these/],
  [{ type: 'string', minLength: 3, maxLength: 2 }, '#', /above/],
  [{ $ref: '#/$defs/none' }, '#/$ref', /nothing at/],
  [{ $ref: 'https://example.com/x' }, '#/$ref', /within the schema/],
  [{ $ref: '#' }, '', /no value is valid/],
  [{ anyOf: [{ $ref: '#' }, { type: 'null' }] }, '', /back to itself/],
  [{ type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, '', /no value is valid/],
  [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, '#/oneOf', /0 and 1 may share/],
  [{ allOf: [{ type: 'string' }, { minLength: 3 }] }, '#/allOf', /only one/],
  [{ anyOf: [{}], type: 'string' }, '#', /'type' beside 'anyOf'/],
  [{ type: 'integer', minimum: 3, maximum: 2 }, '#', /no number is between 3 and 2/],
  [{ properties: { a: {} }, required: ['b'], additionalProperties: false }, '#/required', /'b' is required/],
  [{ properties: { a: false } }, '#/properties/a', /no value/],
  [{ enum: [] }, '#/enum', /at least one/],
  [{ $ref: '#/$defs/100%', $defs: {} }, '#/$ref', /hexadecimal/],
  [{ properties: { a: { $id: 'https://example.com/a', type: 'null' } } }, '#/properties/a', /root only/],
  [{ enum: [1, { a: [Infinity] }] }, '#/enum', /beyond what can be written/],
  [{ oneOf: [{ const: { a: 1, b: -0 } }, { const: { b: 0, a: 1 } }] }, '#/oneOf', /0 and 1 may share/],
  [{ oneOf: Array(129).fill({ type: 'null' }) }, '#/oneOf', /at most 128/],
  [{ type: 'string', maxLength: 100_000 }, '', /50000 states/],
  [{ type: 'string', minLength: -1 }, '#/minLength', /whole number/],
]

describe('what cannot be honoured in full is refused, with its place', () => {
  for (const [schema, path, message] of refusals)
    test(JSON.stringify(schema), () => {
      assert.throws(
        () => ofSchema(schema),
        (error) => error instanceof GrammarError && error.path === path && message.test(error.message),
      )
    })
})
