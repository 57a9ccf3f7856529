import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { openClassifier } from '../../src/decoding/local/classifier.ts'
import { attributeReward } from '../../src/rm/attributes.ts'
import { classifierReward } from '../../src/rm/classifier.ts'
import type { Question } from '../../src/rm/reward.ts'
import { classifierOptions, openRandom, rewardFolder, withNumbers } from './classifier-fakes.ts'
import { answer, never, question, rewardContract } from './reward-contract.ts'

const llama = await openRandom('llama-score')
const mistral = await openRandom('mistral-score')
const qwen2 = await openRandom('qwen2-score')
const bert = await openRandom('bert')
const completion: Question = { messages: undefined, text: 'The soup was', references: undefined }

rewardContract('a Bradley-Terry classifier', () => classifierReward('quality', llama))
rewardContract('one class of an encoder', () => classifierReward('tone', bert, { label: 'positive', reads: 'answer' }))
rewardContract('attributes', () => attributeReward('helpsteer', qwen2, { correctness: 0.65, verbosity: -0.4 }))

describe('what a classifier reads', () => {
  test('a chat through its template, without the beginning of another answer', async () => {
    const spy = withNumbers(llama, () => [1])
    await classifierReward('quality', spy).score(question, [answer('It is 20.')], never)
    const user = '<|im_start|>userĊComputeĠ31Ġ-Ġ6Ġ-Ġ5.<|im_end|>Ċ'
    assert.deepEqual(spy.fed, [`${user}<|im_start|>assistantĊItĠisĠ20.<|im_end|>Ċ`])
  })

  test('a completion as one text', async () => {
    const spy = withNumbers(llama, () => [1])
    await classifierReward('quality', spy).score(completion, [answer(' cold.')], never)
    assert.deepEqual(spy.fed, ['TheĠsoupĠwasĠcold.'])
  })

  test('in an encoder the prompt and the answer as a pair, or the answer alone', async () => {
    const spy = withNumbers(bert, () => [1, 2])
    await classifierReward('tone', spy, { label: 1 }).score(completion, [answer('warm')], never)
    await classifierReward('tone', spy, { label: 1, reads: 'answer' }).score(completion, [answer('warm')], never)
    assert.match(spy.fed[0]!, /^\[CLS\]the[^[]*\[SEP\][^[]+\[SEP\]$/)
    assert.match(spy.fed[1]!, /^\[CLS\][^[]+\[SEP\]$/)
  })

  test('the score is the raw logit of the named label', async () => {
    const spy = withNumbers(mistral, () => [-3.5, 7.25])
    const [verdict] = await classifierReward('tone', spy, { label: 'positive' }).score(completion, [answer('x')], never)
    assert.equal(verdict?.score, 7.25)
  })

  test('of several labels one has to be named, and it has to be there', () => {
    assert.throws(() => classifierReward('tone', mistral), /negative, positive/)
    assert.throws(
      () => classifierReward('tone', mistral, { label: 'joy' }),
      /no label 'joy'; there are: negative, positive/,
    )
    assert.throws(() => classifierReward('tone', mistral, { label: 2 }), /no label '2'/)
  })
})

describe('texts beyond the context', () => {
  test('are refused with both numbers', async () => {
    const small = await openRandom('llama-score', 32)
    const long = classifierReward('quality', small).score(question, [answer('word '.repeat(50))], never)
    await assert.rejects(long, (error: Error & { param?: string }) => {
      assert.match(error.message, /at most 32 tokens; the prompt and an answer have \d{3}\b/)
      return error.name === 'InvalidRequestError' && error.param === 'alignment'
    })
    await small.close()
  })

  test('are refused before they are encoded where they cannot fit', async () => {
    const encode = () => assert.fail('it was encoded')
    const tokenizer = { ...llama.tokenizer, encode, encodePair: encode }
    const huge = classifierReward('quality', { ...llama, tokenizer }).score(
      question,
      [answer('word '.repeat(100_000))],
      never,
    )
    await assert.rejects(huge, { name: 'InvalidRequestError', message: /the prompt and an answer have at least \d+/ })
  })

  test('lose their beginning where truncation is declared; an encoder keeps its special tokens', async () => {
    const small = withNumbers(await openRandom('llama-score', 16), (ids) => [ids.length])
    const [one] = await classifierReward('quality', small, { truncate: 'left' }).score(
      question,
      [answer('word '.repeat(50))],
      never,
    )
    assert.equal(one?.score, 16)
    assert.match(small.fed[0]!, /<\|im_end\|>Ċ$/)
    const encoder = withNumbers(await openRandom('bert', 16), (ids) => [ids.length, 0])
    await classifierReward('tone', encoder, { label: 0, truncate: 'left' }).score(
      { ...completion, text: 'the soup '.repeat(20) },
      [answer('warm')],
      never,
    )
    assert.match(encoder.fed[0]!, /^\[CLS\].*\[SEP\].+\[SEP\]$/)
  })
})

describe('a classifier that fails', () => {
  for (const [what, numbers] of [
    ['NaN', [Number.NaN]],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['another count', [1, 2]],
    ['nothing', []],
  ] as const)
    test(`by ${what} is an error and no score`, async () => {
      const broken = withNumbers(llama, () => numbers)
      const judged = classifierReward('quality', broken).score(question, [answer('a')], never)
      await assert.rejects(judged, { name: 'RewardError', reward: 'quality' })
    })

  test('by throwing is an error of the reward', async () => {
    const broken = { ...llama, pooled: () => Promise.reject(new Error('out of memory')) }
    const judged = classifierReward('quality', broken).score(question, [answer('a')], never)
    await assert.rejects(judged, { name: 'RewardError', message: /out of memory/ })
  })
})

describe('attributes', () => {
  test('are named in the verdict and weighted in the score: the golden vectors of HelpSteer2', async () => {
    const spy = withNumbers(qwen2, () => [3.2, 3.1, 3.8, 1.5, 1.2])
    const of = (weights: readonly number[]) => Object.fromEntries(qwen2.labels.map((label, i) => [label, weights[i]!]))
    const [large] = await attributeReward('h', spy, of([0.65, 0.8, 0.45, 0.55, -0.4])).score(
      question,
      [answer('a')],
      never,
    )
    const [huge] = await attributeReward('h', spy, of([0.3, 0.74, 0.46, 0.47, -0.33])).score(
      question,
      [answer('a')],
      never,
    )
    assert.ok(Math.abs(large!.score - 6.615) < 1e-5, `${large!.score}`)
    assert.ok(Math.abs(huge!.score - 5.311) < 1e-5, `${huge!.score}`)
    assert.equal(large!.attributes?.['complexity'], 1.5)
  })

  test('a weight on one alone is that attribute', async () => {
    const [verdict] = await attributeReward('h', qwen2, { coherence: 1 }).score(question, [answer('a')], never)
    assert.equal(verdict!.score, verdict!.attributes?.['coherence'])
  })

  test('that the model does not have are refused, and so are wrong numbers of names', () => {
    assert.throws(() => attributeReward('h', qwen2, { humour: 1 }), {
      name: 'CheckpointError',
      message: /no attribute 'humour' for the reward 'h'; there are: helpfulness, correctness/,
    })
    assert.throws(() => attributeReward('h', qwen2, {}), /at least one/)
    assert.throws(() => attributeReward('h', qwen2, { a: 1 }, { names: ['a', 'b'] }), /names 2 attributes, it has 5/)
  })
})

describe('checkpoints that are refused at load', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'trimtab-broken-'))
  after(() => rmSync(scratch, { recursive: true, force: true }))
  let count = 0

  const changed = (name: string, file: string, change: (json: Record<string, unknown>) => void): string => {
    const folder = join(scratch, String(count++))
    cpSync(rewardFolder(name), folder, { recursive: true })
    const json = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, unknown>
    change(json)
    writeFileSync(join(folder, file), JSON.stringify(json))
    return folder
  }
  const refuses = (folder: string, message: RegExp) =>
    assert.rejects(openClassifier({ name: 'x', source: folder, weights: 'fp32' }, classifierOptions), {
      name: 'CheckpointError',
      message,
    })

  const cases: readonly [string, string, (json: Record<string, unknown>) => void, RegExp][] = [
    ['llama-score', 'config.json', (json) => Object.assign(json, { architectures: ['GPT2ForX'] }), /'GPT2ForX'/],
    ['llama-score', 'config.json', (json) => Object.assign(json, { architectures: null }), /names no architecture/],
    ['llama-score', 'config.json', (json) => Object.assign(json, { num_hidden_layers: 3 }), /layers\.2\..* is missing/],
    ['llama-score', 'config.json', (json) => Object.assign(json, { num_hidden_layers: 1 }), /layers\.1\..* not part/],
    ['qwen2-score', 'config.json', (json) => Object.assign(json, { id2label: { 0: 'a' } }), /1 labels, but .* 5 rows/],
    ['mistral-score', 'config.json', (json) => Object.assign(json, { id2label: { 0: 'a', 1: 'a' } }), /two labels 'a'/],
    ['bert', 'config.json', (json) => Object.assign(json, { hidden_act: 'swish' }), /hidden_act 'swish'/],
    ['bert', 'config.json', (json) => Object.assign(json, { position_embedding_type: 'relative_key' }), /relative_key/],
    ['roberta', 'config.json', (json) => Object.assign(json, { vocab_size: 200 }), /embedding matrix only|asks for/],
    [
      'qwen2-tokens',
      'config.json',
      (json) => Object.assign(json, { architectures: ['Qwen2ForSequenceClassification'] }),
      /'score.bias' is not part/,
    ],
    ['llama-lora', 'adapter_config.json', (json) => Object.assign(json, { use_dora: true }), /use_dora/],
    ['llama-lora', 'adapter_config.json', (json) => Object.assign(json, { task_type: 'CAUSAL_LM' }), /task_type/],
    [
      'llama-lora',
      'adapter_config.json',
      (json) => Object.assign(json, { base_model_name_or_path: 'nowhere' }),
      /'nowhere'/,
    ],
    [
      'llama-lora',
      'adapter_config.json',
      (json) => Object.assign(json, { r: 5, base_model_name_or_path: join(rewardFolder('..'), 'models/llama-llama3') }),
      /shape/,
    ],
    [
      'llama-lora',
      'adapter_config.json',
      (json) => Object.assign(json, { base_model_name_or_path: join(rewardFolder('..'), 'models/qwen3') }),
      /another base/,
    ],
  ]
  for (const [name, file, change, message] of cases)
    test(`${name}: ${message.source}`, () => refuses(changed(name, file, change), message))

  test('NaN in the weights', async () => {
    const folder = join(scratch, 'nan')
    cpSync(rewardFolder('llama-score'), folder, { recursive: true })
    const path = join(folder, 'model.safetensors')
    const bytes = readFileSync(path)
    // the last tensor's last value in bf16
    bytes.writeUInt16LE(0x7fc0, bytes.length - 2)
    writeFileSync(path, bytes)
    await refuses(folder, /NaN/)
  })
})
