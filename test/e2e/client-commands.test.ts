import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'trimtab-'))
after(() => rmSync(folder, { recursive: true }))

async function trimtab(args: readonly string[], input = '') {
  const main = join(root, 'src/server/main.ts')
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], { cwd: folder })
  child.stdin.end(input)
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { status, stdout, stderr }
}

const review = 'Write a review of the Abbey Hotel.'

describe('the commands that ask a server', { skip: cannotServe }, () => {
  let server: ServerProcess
  let url: readonly string[]

  before(async () => {
    server = await startServer()
    url = ['--url', server.url]
  })

  after(async () => {
    assert.equal(await server?.stop(), 0)
  })

  it('chat answers, steers the same question otherwise, and goes on after a mistake', async () => {
    const lines = [
      review,
      '/weight positive 1',
      '/again',
      '/weight nope 1',
      '/again',
      '/weight nope 0',
      '/again',
      '/exit',
    ]
    const { status, stdout, stderr } = await trimtab(['chat', ...url, '--seed', '7'], `${lines.join('\n')}\n`)
    assert.deepEqual([status, stderr], [0, ''])
    const [greeting, plain, steered, note, mistake, again, noteAgain] = stdout.trimEnd().split('\n')
    assert.match(greeting!, /^Talking to tiny\./)
    assert.notEqual(plain, steered)
    assert.equal(note, '[genarm, seed 7]')
    assert.match(mistake!, /^! The guide 'nope' does not exist\. Known guides: positive, /)
    assert.deepEqual([again, noteAgain], [steered, note])
  })

  it('chat forgets what was said at /reset', async () => {
    const { stdout } = await trimtab(['chat', ...url, '--seed', '7'], `${review}\n/reset\n${review}\n/reset\n/again\n`)
    const [, first, second, last] = stdout.trimEnd().split('\n')
    assert.equal(first, second)
    assert.equal(last, '! There is no question yet.')
  })

  it('score lists the rewards and scores answers', async () => {
    assert.match((await trimtab(['score', ...url, '--list'])).stdout, /^sentiment\n/)
    const asked = ['score', ...url, '--reward', 'sentiment', '--prompt', review, 'It was lovely.', 'It was dirty.']
    const rows = (await trimtab(asked)).stdout.trimEnd().split('\n')
    assert.deepEqual(
      rows.map((row) => row.slice(11)),
      ['It was lovely.', 'It was dirty.'],
    )
    const [lovely, dirty] = rows.map(Number.parseFloat)
    assert.ok(lovely! > dirty!, rows.join('\n'))
    const details = (await trimtab([...asked, '--json'])).stdout.trimEnd().split('\n')
    assert.equal(JSON.parse(details[0]!).score.toFixed(4), lovely!.toFixed(4))
  })

  it('score adds scores to the lines of a file', async () => {
    const [input, output] = [join(folder, 'in.jsonl'), join(folder, 'out.jsonl')]
    const sum = 'What is 47 + 7 + 7?'
    const one = { id: 4, prompt: sum, response: '47 + 7 = 54. 54 + 7 = 61. The answer is 61.' }
    const two = { messages: [{ role: 'user', content: sum }], responses: ['Hm.', 'Yes!'], reward: { brief: 2 } }
    writeFileSync(input, `${JSON.stringify(one)}\n\n${JSON.stringify(two)}\n`)
    const files = ['--input', input, '--output', output]
    assert.deepEqual(await trimtab(['score', ...url, '--reward', 'sound', ...files]), {
      status: 0,
      stdout: '',
      stderr: '',
    })
    const [first, second] = readFileSync(output, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(first, { ...one, reward: 'sound', score: 1 })
    assert.deepEqual([second.responses, second.scores.length], [two.responses, 2])
  })

  const mistakes: readonly (readonly [args: readonly string[], input: string, told: RegExp])[] = [
    [['score', '--reward', 'sound', '--input', '-'], '{"prompt": "x"}', /^-:1: 'response': give either response/],
    [['score', '--reward', 'sound', '--input', '-'], '\n{', /^-:2: not JSON/],
    [['score', '--reward', 'nope', '--input', '-'], '{"prompt": "x", "response": "y"}', /^-:1: .*Known rewards: /],
    [['score', '--reward', 'sound', '--input', 'none.jsonl'], '', /no such file.*none\.jsonl/],
    [
      ['score', '--reward', 'sound', '--input', '-', '--output', 'none/out.jsonl'],
      '',
      /no such file.*none\/out\.jsonl/,
    ],
    [['score'], '', /^Give answers to score/],
    [['score', 'a'], '', /^--prompt is missing/],
    [['score', '--memory', '1GiB', '--list'], '', /^--memory is for a server of our own/],
    [['chat', '--weight', 'positive'], '', /write name=number/],
  ]
  for (const [args, input, told] of mistakes) {
    it(`tells what is wrong with ${args.join(' ')}`, async () => {
      const { status, stderr } = await trimtab([...args, ...url], input)
      assert.equal(status, 1)
      assert.match(stderr, told)
    })
  }
})

describe('a command without --url', { skip: cannotServe }, () => {
  it('starts a server of its own', async () => {
    const { status, stdout } = await trimtab(['chat', '--memory', '256MiB', '--max-tokens', '4', '--seed', '1'], 'Hi\n')
    assert.equal(status, 0)
    assert.match(stdout, /^Talking to tiny\..*\n.+\n/)
    assert.doesNotMatch(stdout, /^!/m)
  })

  it('says why it cannot', async () => {
    const { status, stderr } = await trimtab(['chat', '--model', './nowhere'])
    assert.equal(status, 1)
    assert.match(stderr, /nowhere.*\nThe server did not start\.\n$/s)
  })
})

describe('help', () => {
  it('of every command has its options in words, and examples where they help', async () => {
    for (const command of ['chat', 'score', 'eval'])
      assert.match((await trimtab([command, '--help'])).stdout, /Examples:\n {2}trimtab/)
    assert.match((await trimtab(['eval', '--', '--help'])).stdout, /guides \[options\]/)
    assert.match((await trimtab(['--help'])).stdout, /Start here:/)
  })

  it('comes with a mistake: the nearest option, the nearest command', async () => {
    assert.match((await trimtab(['serve', '--prot', '1'])).stderr, /Did you mean --port\?/)
    assert.match((await trimtab(['scor'])).stderr, /Did you mean score\?/)
  })
})
