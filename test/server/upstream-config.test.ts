// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { check } from '../../src/server/check.ts'
import { readConfigFile } from '../../src/server/config-file.ts'
import { engineSetup, servedNames } from '../../src/server/engine-setup.ts'
import { openGenerationEngine } from '../../src/server/open-generation-engine.ts'
import { runReward } from '../../src/server/run-reward.ts'
import { toTryLines } from '../../src/server/try-lines.ts'
import { upstreamSettings } from '../../src/server/upstream-setup.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'
import { deadPort, fakeUpstream, sayJson } from '../upstream/fake-upstream.ts'

const folder = temporaryFolder()
mkdirSync(join(folder, 'base'))

function read(text: string, environment = {}) {
  const file = join(folder, 'trimtab.yaml')
  writeFileSync(file, text)
  return readConfigFile(file, environment)
}

const full = `
models:
  llama: { upstream: gpu }
  mistral: { upstream: gpu, name: mistralai/Mistral-7B }
  tiny: { path: ./base }
upstreams:
  gpu: { kind: vllm, urls: ['http://gpu-1:8000/v1/', 'https://gpu-2/engine'], api_key: '\${KEY}', deadlines: { connect_seconds: 1 } }
  cloud: { kind: openai, urls: ['https://api.example.com'], default: true }
policies: { kind: { best_of: { n: 2, select: vote } } }
aliases: { llama-kind: { model: llama, policy: kind } }
`

describe('upstreams in the configuration', () => {
  it('become settings of a client, with the key of the environment', () => {
    const [gpu, cloud] = upstreamSettings(read(full, { KEY: 'sk-1' }))
    assert.deepEqual(gpu?.roots, ['http://gpu-1:8000', 'https://gpu-2/engine'])
    assert.deepEqual([gpu?.apiKey, gpu?.deadlines.connectMs, gpu?.health.path], ['sk-1', 1000, '/health'])
    assert.deepEqual([cloud?.apiKey, cloud?.health.path], [undefined, '/v1/models'])
  })

  it('their models are served, and are none of the engine’s', () => {
    const config = read(full, { KEY: 'k' })
    const { names } = servedNames(config)
    assert.deepEqual([...names.keys()], ['llama', 'mistral', 'tiny', 'llama-kind'])
    assert.deepEqual(names.get('llama')?.upstream, { name: 'gpu', renamed: undefined })
    assert.deepEqual(names.get('mistral')?.upstream, { name: 'gpu', renamed: 'mistralai/Mistral-7B' })
    assert.deepEqual(names.get('llama-kind')?.upstream, { name: 'gpu', renamed: undefined })
    assert.equal(names.get('tiny')?.upstream, undefined)
    const setup = engineSetup(config)
    assert.deepEqual([setup.served, setup.models.map(({ name }) => name)], [['tiny'], ['tiny']])
  })

  it('the requests printed at the start do not steer a model that cannot be steered', () => {
    const lines = toTryLines(read(full, { KEY: 'k' }), 'http://x')
    assert.match(lines, /"model":"llama"/)
    assert.doesNotMatch(lines, /alignment/)
  })

  const gpu = (change: string) => `models: { a: { upstream: gpu } }\nupstreams: { gpu: { kind: vllm, ${change} } }`
  const mistakes: readonly (readonly [yaml: string, message: RegExp])[] = [
    ['models: { a: { upstream: gpu } }', /models\.a\.upstream: no upstream is named 'gpu' \(none is configured\)/],
    ['models: { a: { upstream: gpu, nmae: x } }', /models\.a\.nmae: is not a known field/],
    [
      `models: { a: { upstream: gpu } }
upstreams: { gpu: { kind: openai, urls: ['http://a'] } }
policies: { kind: { guides: [{ principle: Be kind. }] } }
aliases: { a-kind: { model: a, policy: kind } }`,
      /aliases\.a-kind\.policy: .* cannot be kept over 'a' \(guides: guides tilt every token\)\. .*tokenizer/,
    ],
    [gpu('urls: []'), /upstreams\.gpu\.urls/],
    [gpu('urls: [gpu-1]'), /upstreams\.gpu\.urls\[0\]: a URL is like/],
    [gpu('urls: ["ftp://gpu-1"]'), /upstreams\.gpu\.urls\[0\]: a URL is like/],
    [gpu('urls: ["http://me:secret@gpu-1"]'), /keys belong into api_key/],
    [gpu('urls: ["http://gpu-1/?key=1"]'), /has no query/],
    [gpu('urls: ["http://gpu-1"], api_key: "a\\nb"'), /upstreams\.gpu\.api_key: a key is/],
    [gpu('urls: ["http://gpu-1"], api_key: "${NONE}"'), /upstreams\.gpu\.api_key: .*NONE is not set/],
    [gpu('urls: ["http://gpu-1"], kind: tgi'), /kind|unique/i],
    [
      `${full}\nguides: { g: { kind: genarm, model: llama } }`.replace('${KEY}', 'k'),
      /guides\.g\.model: no model is named 'llama' \(known: tiny\)/,
    ],
    [
      `${full.replace('vllm,', 'vllm, default: true,').replace('${KEY}', 'k')}`,
      /upstreams\.cloud\.default: only one upstream can be the default/,
    ],
  ]
  for (const [yaml, message] of mistakes) {
    it(`${yaml.trim().split('\n').at(-1)} is refused`, () => {
      assert.throws(() => read(yaml), { name: 'ConfigError', message })
    })
  }
})

describe('trimtab check', () => {
  it('asks every replica, and the upstream for its models', async () => {
    const up = await fakeUpstream(sayJson(200, { object: 'list', data: [{ id: 'llama' }] }))
    const dead = await deadPort()
    const config = read(`
models: { llama: { upstream: gpu }, mistral: { upstream: gpu }, far: { upstream: away } }
upstreams:
  gpu: { kind: vllm, urls: ['${up.url}', 'http://127.0.0.1:${dead}'], api_key: secret }
  away: { kind: openai, urls: ['http://127.0.0.1:${dead}'] }
`)
    const told = await check(config, {})
    await up.close()
    assert.match(told, new RegExp(`upstream gpu \\(vllm\\): ${up.url}/ is up\n`))
    assert.match(
      told,
      new RegExp(`upstream gpu \\(vllm\\): http://127.0.0.1:${dead}/ is down \\(/health: .*ECONNREFUSED`),
    )
    assert.match(told, /model llama: 'llama' of gpu, listed there\n/)
    assert.match(told, /model mistral: 'mistral' of gpu, NOT listed there \(it has llama\)\n/)
    assert.match(told, /model far: 'far' of away, not checked: no replica is up\n/)
    assert.doesNotMatch(told, /secret/)
  })
})

describe('rewards beside upstream models alone', () => {
  it('are judged by an engine without models', async () => {
    const config = read(`
models: { llama: { upstream: gpu } }
upstreams: { gpu: { kind: vllm, urls: ['http://gpu-1'] } }
rewards: { short: { kind: length, unit: words, max: 1 } }
`)
    const engine = await openGenerationEngine(engineSetup(config), () => {})
    const question = { messages: undefined, text: 'x', references: undefined }
    const { signal } = new AbortController()
    const event = await runReward(engine.rewards, { reward: 'short', question, responses: ['a', 'a b c'] }, signal)
    assert.ok(event.type === 'reward-verdicts')
    const [good, bad] = event.verdicts.map(({ score }) => score)
    assert.ok(good! > bad!)
    await engine.close()
  })
})
