import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deserialize, serialize } from 'node:v8'
import { CheckpointError } from '../../src/decoding/errors.ts'
import { openRewards } from '../../src/rm/open-rewards.ts'
import { rewardCatalogue } from '../../src/rm/reward-definition.ts'
import { type RewardOptions, rewardOptions } from '../../src/rm/reward-options.ts'
import { rewardReferenceProblems } from '../../src/rm/reward-references.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'
import { engineOptions, toyEngine } from '../local/toy-engine.ts'

import { answer, never, question, rewardContract } from './reward-contract.ts'

const reference = (name: string) => fileURLToPath(new URL(`../reference/rewards/${name}`, import.meta.url))
const folder = temporaryFolder()
const options = { threads: 1, cacheFolder: join(folder, 'cache'), hub: engineOptions(folder).hub }
const scorer = await toyEngine()
after(() => scorer.close())

const parse = (entries: Readonly<Record<string, unknown>>): Record<string, RewardOptions> =>
  Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, rewardOptions.parse(entry)]))

const noGuides = (guide: string): never => assert.fail(guide)
const toyGuide = () => ({ model: 'toy', adapter: undefined })

const everyKind = {
  all: { kind: 'combination', rewards: { some: 1, brief: 0.5 } },
  some: { kind: 'combination', rewards: { sound: 2, the: -1 }, z_score: true },
  brief: { kind: 'length', unit: 'words', max: 12 },
  tokens: { kind: 'length', unit: 'tokens', target: 20, model: 'toy' },
  the: { kind: 'regex', pattern: '\\bthe\\b', flags: 'i', score: 'count' },
  json: { kind: 'json', schema: { type: 'object' } },
  sound: { kind: 'arithmetic' },
  bleu: { kind: 'bleu' },
  arm: { kind: 'arm', guide: 'toy-guide', per_token: true },
  kind: {
    kind: 'implicit',
    policy: { model: 'toy', principle: 'Be kind.' },
    reference: { model: 'toy' },
    separator: '. ',
  },
  score: { kind: 'classifier', path: reference('llama-score'), weights: 'fp32' },
  again: { kind: 'classifier', path: reference('llama-score'), weights: 'fp32', label: 0 },
  named: {
    kind: 'attributes',
    path: reference('llama-score'),
    weights: 'fp32',
    attributes: { good: 2 },
    names: ['good'],
  },
  steps: { kind: 'process', path: reference('qwen2-process'), weights: 'fp32', delimiter: '. ', aggregate: 'min' },
  pairs: { kind: 'pairwise', path: reference('llama-preference'), weights: 'fp32' },
}

describe('a catalogue of every kind', async () => {
  const catalogue = rewardCatalogue(parse(everyKind), toyGuide)
  const { rewards, close } = await openRewards(deserialize(serialize(catalogue)), scorer, options)
  after(close)
  const answers = [
    '31 - 6 = 25. 25 - 5 = 20. The answer is 20.',
    '31 - 6 = 24. 24 - 5 = 19. The answer is 19.',
    'The coffee was very good. The cake was not.',
  ].map((text) => answer(text))

  test('crosses the process boundary and names every reward after its parts', () => {
    assert.deepEqual([...rewards.keys()].sort(), Object.keys(everyKind).sort())
    const order = [...catalogue.keys()]
    assert.ok(order.indexOf('sound') < order.indexOf('some') && order.indexOf('some') < order.indexOf('all'))
  })

  for (const name of Object.keys(everyKind))
    rewardContract(name, () => rewards.get(name)!, { answers, tolerance: 1e-9 })

  test('two rewards of one checkpoint agree, and attributes are weighted', async () => {
    const [score, again, named] = await Promise.all(
      ['score', 'again', 'named'].map((name) => rewards.get(name)!.score(question, answers, never)),
    )
    assert.deepEqual(again, score)
    for (const [i, verdict] of named!.entries()) {
      assert.equal(verdict.score, 2 * score![i]!.score)
      assert.equal(verdict.attributes!['good'], score![i]!.score)
    }
  })
})

const refused: readonly (readonly [entry: unknown, path: string, message: RegExp])[] = [
  [{ kind: 'magic' }, 'kind', /Invalid/],
  [{ kind: 'bleu', smooth: true }, '', /smooth/],
  [{ kind: 'length' }, 'target', /either target/],
  [{ kind: 'length', target: 3, max: 4 }, 'target', /either target/],
  [{ kind: 'length', min: 5, max: 4 }, 'min', /above max \(4\)/],
  [{ kind: 'length', unit: 'tokens', target: 3 }, 'model', /needs the model/],
  [{ kind: 'length', target: 3, model: 'toy' }, 'model', /other units need none/],
  [{ kind: 'regex', pattern: '(' }, 'pattern', /Invalid regular expression/],
  [{ kind: 'regex', pattern: 'a', flags: 'g' }, 'flags', /flags are/],
  [{ kind: 'regex', pattern: 'a', flags: 'ii' }, 'flags', /flags are/],
  [{ kind: 'json', schema: { type: 'objekt' } }, 'schema', /type/],
  [{ kind: 'arm' }, '', /either model or guide/],
  [{ kind: 'implicit', policy: { model: 'a', guide: 'b' }, reference: { model: 'a' } }, 'policy', /either/],
  [{ kind: 'implicit', policy: { model: 'a' }, reference: { model: 'a' }, beta: 0 }, 'beta', />0/],
  [{ kind: 'combination', rewards: {} }, 'rewards', /at least one/],
  [{ kind: 'combination', rewards: { a: 'x' } }, 'rewards.a', /number/],
  [{ kind: 'classifier' }, 'path', /expected string/],
  [{ kind: 'attributes', path: 'x', attributes: {} }, 'attributes', /at least one/],
  [{ kind: 'attributes', path: 'x', attributes: { a: 1 }, names: ['b'] }, 'attributes.a', /none of names: b/],
  [{ kind: 'process', path: 'x', aggregate: 'min', shaping: 'delta' }, 'aggregate', /either/],
  [{ kind: 'pairwise', path: 'x', temperature: 0 }, 'temperature', />0/],
]
for (const [entry, path, message] of refused)
  test(`the configuration refuses ${JSON.stringify(entry)}`, () => {
    const { error } = rewardOptions.safeParse(entry)
    const found = error!.issues.map((issue) => [issue.path.join('.'), issue.message] as const)
    assert.ok(
      found.some(([where, what]) => where === path && message.test(what)),
      JSON.stringify(found),
    )
  })

test('names that lead nowhere, and combinations that hold themselves, are found with their path', () => {
  const problems = rewardReferenceProblems(
    parse({
      loop: { kind: 'combination', rewards: { other: 1 } },
      other: { kind: 'combination', rewards: { loop: 1, nothing: 1, fine: 1 } },
      self: { kind: 'combination', rewards: { self: 1 } },
      fine: { kind: 'bleu' },
      arm: { kind: 'arm', guide: 'polite' },
      implicit: { kind: 'implicit', policy: { model: 'b' }, reference: { model: 'a' } },
      tokens: { kind: 'length', unit: 'tokens', target: 1, model: 'c' },
      far: { kind: 'remote', format: 'tei-rerank', upstream: 'nowhere' },
    }),
    { models: ['a'], trainedGuides: [], upstreams: ['gpu'] },
  )
  assert.deepEqual(
    problems.map(({ path }) => path),
    [
      'rewards.loop.rewards.other',
      'rewards.other.rewards.loop',
      'rewards.other.rewards.nothing',
      'rewards.self.rewards.self',
      'rewards.arm.guide',
      'rewards.implicit.policy.model',
      'rewards.tokens.model',
      'rewards.far.upstream',
    ],
  )
  assert.match(problems[4]!.message, /no guide is configured/)
  assert.match(problems[5]!.message, /'b' does not exist; known models: a/)
})

test('a reward that cannot be opened names the checkpoint, and leaves none open', async () => {
  const open = (entry: unknown) => openRewards(rewardCatalogue(parse({ entry }), noGuides), scorer, options)
  await assert.rejects(open({ kind: 'pairwise', path: reference('llama-score'), weights: 'fp32' }), CheckpointError)
  await assert.rejects(open({ kind: 'length', unit: 'tokens', target: 3, model: 'none' }), CheckpointError)
})
