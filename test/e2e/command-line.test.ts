import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const family = join(root, 'models/tiny')
const folder = mkdtempSync(join(tmpdir(), 'trimtab-'))
after(() => rmSync(folder, { recursive: true }))

function trimtab(...args: readonly string[]) {
  const main = ['--import', 'tsx', join(root, 'src/server/main.ts'), ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, main, { cwd: root, encoding: 'utf8' })
  return { status, stdout, stderr }
}

function checkOf(yaml: string) {
  const file = join(folder, 'trimtab.yaml')
  writeFileSync(file, yaml)
  return trimtab('check', '--config', file)
}

const models = (context: number) => `models: { a: { path: ${family}/base, context: ${context} } }\n`

describe('the command line', () => {
  it('tells its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    assert.deepEqual(trimtab('--version'), { status: 0, stdout: `${version}\n`, stderr: '' })
  })

  it('check lists what it found, with the context that will be served', () => {
    for (const [asked, served] of [
      [100, 100],
      [100_000, 512],
    ] as const) {
      const { status, stdout } = checkOf(models(asked))
      assert.match(stdout, new RegExp(`^model a: LlamaForCausalLM, 5 layers, int8, ${served} tokens of context\n`))
      assert.match(stdout, /\nThe configuration is valid\.\n$/)
      assert.equal(status, 0)
    }
  })

  it('check tells a mistake that only the checkpoint shows in one line', () => {
    const reward = `rewards: { r: { kind: attributes, path: ${family}/attributes, attributes: { humour: 1 } } }\n`
    const { status, stderr } = checkOf(models(100) + reward)
    const fault = "it has no attribute 'humour' for the reward 'r'; there are: positivity, conciseness, formality"
    assert.equal(stderr, `${family}/attributes: ${fault}\n`)
    assert.equal(status, 1)
  })
})
