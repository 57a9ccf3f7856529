// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { configFromFlags } from '../../src/server/command-line.ts'
import { configReference, configSchemaFile } from '../../src/server/config-docs.ts'
import { parseConfig, readConfigFile } from '../../src/server/config-file.ts'
import { engineSetup, servedNames } from '../../src/server/engine-setup.ts'
import { resolveEnvironment } from '../../src/server/environment-references.ts'
import { toTryLines } from '../../src/server/try-lines.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'

const folder = temporaryFolder()
for (const name of ['base', 'positive', 'reasoner']) mkdirSync(join(folder, name))
writeFileSync(join(folder, 'positive', 'adapter_config.json'), '{}')

function write(text: string): string {
  const file = join(folder, 'trimtab.yaml')
  writeFileSync(file, text)
  return file
}

const full = `
server: { port: '\${PORT:-9000}', body_limit: 1MiB }
engine: { memory: 1GiB, threads: 2 }
models:
  tiny: { path: ./base, context: 128 }
  module: { path: ./reasoner, weights: fp32, served: false }
guides:
  positive: { kind: genarm, adapter: ./positive }
  reasoner: { kind: unir, model: module }
  short: { principle: Be brief. }
  tuning: { contrast: [positive, tiny] }
objectives: { positive: { guide: positive, scale: 2 } }
policies: { friendly: { guides: [{ guide: positive, weight: 0.5 }], preferences: { positive: 1 } } }
aliases: { tiny-friendly: { model: tiny, policy: friendly } }
`

describe('the configuration file', () => {
  it('becomes what the engine loads and what clients may name', () => {
    const config = readConfigFile(write(full), {})
    assert.equal(config.server.port, 9000)
    assert.equal(config.server.body_limit, 2 ** 20)
    assert.equal(config.server.host, '127.0.0.1')
    const setup = engineSetup(config)
    assert.deepEqual(setup.models, [
      {
        name: 'tiny',
        source: join(folder, 'base'),
        weights: 'int8',
        adapters: [{ name: 'positive', source: join(folder, 'positive') }],
        contextLength: 128,
      },
      { name: 'module', source: join(folder, 'reasoner'), weights: 'fp32', adapters: [], contextLength: undefined },
    ])
    assert.equal(setup.options.memoryBytes, 2 ** 30)
    assert.deepEqual(
      [...setup.catalogue.guides],
      [
        ['positive', { kind: 'genarm', model: 'tiny', adapter: 'positive', template: 'base' }],
        ['reasoner', { kind: 'unir', model: 'module', adapter: undefined }],
        ['short', { kind: 'principle', text: 'Be brief.' }],
        ['tuning', { kind: 'contrast', tuned: 'positive', untuned: 'tiny' }],
      ],
    )
    assert.deepEqual([...servedNames(config).names.keys()], ['tiny', 'tiny-friendly'])
  })

  const mistakes: readonly (readonly [yaml: string, message: RegExp])[] = [
    ['{}', /models: is required/],
    ['models: { a: {} }', /models\.a\.path: is required/],
    ['models: {}', /at least one model must be served/],
    [
      'models: { a: { path: ./base } }\nsever: {}',
      /sever: is not a known field \(did you mean 'server'\?\); known fields: server, engine, models/,
    ],
    [
      'models: { a: { path: ./base, wieghts: int8 } }',
      /models\.a\.wieghts: is not a known field \(did you mean 'weights'\?\); known fields: path, weights, /,
    ],
    ['models: { a: { path: ./nowhere } }', /models\.a\.path: the folder .*nowhere does not exist/],
    ['models: { a: { path: ./trimtab.yaml } }', /models\.a\.path: .*trimtab\.yaml is no folder/],
    ['models: { a: { path: ./base, weights: int3 } }', /models\.a\.weights: .*int8/],
    ['models: { a: { path: ./base } }\nengine: { memory: lots }', /engine\.memory: .*4GiB/],
    [
      'models: { a: { path: ./base } }\nengine: { memory: 1GiB, memory_ceiling: 1024MiB }',
      /engine\.memory_ceiling: must be above engine\.memory/,
    ],
    ['models: { a: { path: ./base } }\nguides: { g: { kind: genarm } }', /guides\.g: give either adapter or model/],
    [
      'models: { a: { path: ./base } }\nguides: { g: { kind: genarm, model: b } }',
      /guides\.g\.model: no model is named 'b' \(known: a\)/,
    ],
    ['models: { a: { path: ./base } }\nguides: { g: { contrast: [a, b] } }', /guides\.g\.contrast\[1\]: .*'b'/],
    ['models: { a: { path: ./base } }\nguides: { g: { contrast: [a], x: 1 } }', /guides\.g/],
    [
      'models: { a: { path: ./base } }\nguides: { g: { kind: unir, adapter: ./positive, template: own } }',
      /guides\.g\.template: a unir module always reads the base's prompt/,
    ],
    [
      'models: { a: { path: ./base } }\nguides: { p: { principle: x }, g: { contrast: [a, p] } }',
      /guides\.g\.contrast\[1\]: no model or trained guide is named 'p'/,
    ],
    ['models: { a: { path: ./base } }\nobjectives: { o: { guide: g } }', /objectives\.o\.guide: .*none is configured/],
    [
      'models: { a: { path: ./base } }\npolicies: { p: { guides: [{ guide: g }] } }',
      /policies\.p\.guides\[0\]\.guide: /,
    ],
    ['models: { a: { path: ./base } }\npolicies: { p: { policy: p } }', /cannot name a policy/],
    ['models: { a: { path: ./base } }\naliases: { b: { model: a, policy: p } }', /aliases\.b\.policy: /],
    ['models: { a: { path: ./base } }\nserver: { host: "${NOWHERE}" }', /server\.host: .*NOWHERE is not set/],
    ['models: [', /trimtab\.yaml: /],
  ]
  for (const [yaml, message] of mistakes) {
    it(`${yaml.replaceAll('\n', '; ')} is refused`, () => {
      assert.throws(() => readConfigFile(write(yaml), {}), { name: 'ConfigError', message })
    })
  }

  it('tells all mistakes at once', () => {
    assert.throws(
      () => parseConfig({ models: { a: { path: '', x: 1 } }, y: 2 }, 'f'),
      /models\.a\.path[\s\S]*models\.a\.x[\s\S]*y: is not/,
    )
  })

  it('a missing file is told as such', () => {
    assert.throws(() => readConfigFile(join(folder, 'none.yaml'), {}), /none\.yaml: the file does not exist/)
  })
})

describe('environment references', () => {
  it('keep the type of a lone scalar and never parse structure', () => {
    const resolve = (value: unknown) => resolveEnvironment(value, { A: '5', B: 'true', C: '[1]', D: '' })
    assert.deepEqual(resolve(['${A}', '${B}', '${C}', 'x${A}', '${D:-d}', '$A']), [5, true, '[1]', 'x5', '', '$A'])
    assert.equal(resolve('${E:-7}'), 7)
  })
})

describe('the command line', () => {
  it('serves one model with guides', () => {
    const config = configFromFlags(
      {
        model: join(folder, 'base'),
        weights: 'fp32',
        guide: [`nice=${join(folder, 'positive')}`, `math=unir:${join(folder, 'reasoner')}`],
        port: 1234,
      },
      {},
    )
    assert.equal(config.server.port, 1234)
    const setup = engineSetup(config)
    assert.deepEqual(setup.served, ['base'])
    assert.deepEqual(
      setup.models.map(({ name, weights, adapters }) => ({
        name,
        weights,
        adapters: adapters.map((adapter) => adapter.name),
      })),
      [
        { name: 'base', weights: 'fp32', adapters: ['nice'] },
        { name: 'math', weights: 'int8', adapters: [] },
      ],
    )
    assert.equal(setup.catalogue.guides.get('math')?.kind, 'unir')
  })

  it('keeps a hub id as the name', () => {
    assert.deepEqual(engineSetup(configFromFlags({ model: 'org/model' }, {})).served, ['org/model'])
  })

  it('beats the file', () => {
    const config = configFromFlags({ config: write(full), port: 1, memory: '2GiB' }, {})
    assert.deepEqual([config.server.port, config.engine.memory, config.engine.threads], [1, 2 ** 31, 2])
  })

  it('refuses what contradicts itself', () => {
    assert.throws(() => configFromFlags({ config: 'a', model: 'b/c' }, {}), /not both/)
    assert.throws(() => configFromFlags({ guide: ['a=b'] }, {}), /belongs to --model/)
    assert.throws(() => configFromFlags({ model: join(folder, 'base'), guide: ['a'] }, {}), /name=folder/)
    for (const guide of [['base=org/other'], ['a=org/one', 'a=org/two']]) {
      assert.throws(() => configFromFlags({ model: join(folder, 'base'), guide }, {}), /the name is taken/)
    }
    assert.throws(() => configFromFlags({ model: join(folder, 'base'), guide: ['a='] }, {}), /name=folder/)
    assert.throws(() => configFromFlags({ model: './nowhere' }, {}), /does not exist/)
    assert.throws(() => configFromFlags({ model: join(folder, 'base'), weights: 'int3' }, {}), /weights/)
  })

  it('prints requests that suit what is served', () => {
    const url = 'http://127.0.0.1:1'
    assert.match(toTryLines(readConfigFile(write(full), {}), url), /"guide":"positive"[\s\S]*"guide":"reasoner"/)
    const plain = toTryLines(configFromFlags({ model: 'org/model' }, {}), url)
    assert.match(plain, /What does a heart do\?[\s\S]*Answer in one short sentence/)
    assert.doesNotMatch(plain, /"guide":/)
    const guide = [`positive=${join(folder, 'positive')}`, `math=unir:${join(folder, 'reasoner')}`]
    assert.match(
      toTryLines(configFromFlags({ model: 'org/model', guide }, {}), url),
      /What does a heart do\?[\s\S]*"guide":"positive","weight":1[\s\S]*Answer in one short sentence/,
    )
  })
})

describe('docs/trimtab.schema.json', () => {
  const committed = readFileSync(new URL('../../docs/trimtab.schema.json', import.meta.url), 'utf8')
  const accepts = new Ajv2020({ strict: false }).compile(JSON.parse(committed))

  it('is generated from the schema that checks the file', () => {
    const command = 'npm run --silent trimtab -- config-schema > docs/trimtab.schema.json'
    assert.equal(committed, configSchemaFile(), `run: ${command}`)
  })

  it('lets an editor accept what the server accepts, and mark what it refuses', () => {
    const family = readFileSync(new URL('../../models/tiny/trimtab.yaml', import.meta.url), 'utf8')
    assert.ok(accepts(parse(family)), JSON.stringify(accepts.errors))
    assert.ok(accepts({ models: { a: { path: './a' } }, server: { port: '${PORT}' } }))
    assert.ok(!accepts({ models: { a: { path: './a' } }, server: { port: '8080' } }))
    assert.ok(!accepts({ models: { a: { path: './a' } }, sever: {} }))
    assert.ok(!accepts({ models: { a: { path: './a' } }, keys: { team: { hash: 'secret' } } }))
  })
})

describe('docs/configuration.md', () => {
  it('is what the schema says', () => {
    const committed = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
    assert.equal(committed, configReference(), 'run: npm run --silent trimtab -- config-docs > docs/configuration.md')
  })
})
