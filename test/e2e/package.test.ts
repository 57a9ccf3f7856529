import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'trimtab-package-'))
const installed = join(folder, 'node_modules/trimtab')
after(() => rmSync(folder, { recursive: true }))

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return stdout
}

/** What npm would install, but for the packages that it depends on: those are linked, and no others. */
function install(tarball: string): void {
  mkdirSync(installed, { recursive: true })
  run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed], folder)
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  for (const [path, entry] of Object.entries<{ dev?: boolean; devOptional?: boolean }>(packages)) {
    const needed = /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && entry.dev !== true && entry.devOptional !== true
    if (!needed || !existsSync(join(root, path))) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    symlinkSync(join(root, path), join(folder, path), 'junction')
  }
}

function trimtab(...args: readonly string[]) {
  return spawn(process.execPath, [join(installed, 'dist/server/main.js'), ...args], { cwd: folder })
}

describe('the packed tarball', () => {
  let packed: Packed

  before(() => {
    const output = run('npm', ['run', '--silent', 'pack', '--', '--json', '--pack-destination', folder], root)
    packed = JSON.parse(output)[0]
    install(join(folder, packed.filename))
  })

  const paths = () => packed.files.map(({ path }) => path)

  it('is small enough to be tried by npx', () => {
    assert.ok(packed.size < 10_000_000, `${packed.size} bytes`)
  })

  it('has the build, the embedded family and the texts, and nothing else', () => {
    const known = [
      /^dist\/(server|guidance|rm|decoding)\/[a-z0-9/-]+\.js$/,
      /^dist\/web\//,
      /^models\/tiny\/([a-z]+\/[a-z_]+\.(json|safetensors)|trimtab\.yaml|README\.md)$/,
      /^docs\/([a-z]+\/)?[a-z0-9-]+\.md$/i,
      /^(README|ARCHITECTURE|CHANGELOG)\.md$/,
      /^(LICENSE|package\.json)$/,
    ]
    assert.deepEqual(
      paths().filter((path) => !known.some((pattern) => pattern.test(path))),
      [],
    )
    const needed = ['dist/server/engine-process.js', 'models/tiny/base/model.safetensors', 'docs/api.md', 'LICENSE']
    for (const path of needed) assert.ok(paths().includes(path), path)
  })

  it('has no module whose source is gone', () => {
    const modules = paths().filter((path) => path.endsWith('.js') && !path.startsWith('dist/web/'))
    const sources = modules.map((path) => path.replace(/^dist/, 'src').replace(/\.js$/, '.ts'))
    assert.deepEqual(
      sources.filter((source) => !existsSync(join(root, source))),
      [],
    )
  })

  it('serves the embedded family from an empty folder, with no package that only developers have', async () => {
    const server = trimtab('serve', '--port', '0', '--memory', '256MiB')
    const ended = once(server, 'exit')
    const lines: string[] = []
    for (const stream of [server.stdout, server.stderr])
      createInterface({ input: stream }).on('line', (line) => lines.push(line))
    try {
      const printed = once(server.stdout, 'data')
      await Promise.race([printed, ended.then(() => assert.fail(lines.join('\n')))])
      const url = /listening on (http:[^"]+)/.exec(lines.join('\n'))?.[1] ?? ''
      const body = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 })
      const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
      assert.equal(reply.status, 200, await reply.clone().text())
    } finally {
      server.kill('SIGTERM')
    }
    assert.deepEqual(await ended, [0, null])
  })

  it('has the command that npx runs', () => {
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    assert.match(readFileSync(join(installed, bin.trimtab), 'utf8'), /^#!\/usr\/bin\/env node\n/)
    assert.match(run(process.execPath, [join(installed, bin.trimtab), '--help'], folder), /^Usage: trimtab /)
  })
})
