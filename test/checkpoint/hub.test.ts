import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { openCheckpoint } from '../../src/decoding/checkpoint/checkpoint.ts'
import { type HubProgress, isHubId, pullFromHub } from '../../src/decoding/checkpoint/hub.ts'
import { temporaryFolder, writeTinyCheckpoint } from './fixtures.ts'
import { type HubDouble, startHubDouble } from './hub-double.ts'

const id = 'acme/tiny-model'
const { folder: original } = writeTinyCheckpoint(temporaryFolder())
const wanted = Object.fromEntries(readdirSync(original).map((file) => [file, readFileSync(join(original, file))]))
const published = { ...wanted, 'README.md': Buffer.from('#'), 'consolidated.safetensors': Buffer.from('twice') }
const weights = wanted['model.safetensors']!

let hub: HubDouble
afterEach(() => hub?.close())

async function start(files: Record<string, Buffer> = published) {
  hub = await startHubDouble(id, files)
  const options = { cacheFolder: temporaryFolder(), hubUrl: hub.url }
  return { hub, options, pull: () => pullFromHub(id, options) }
}

function assertComplete(folder: string): void {
  for (const [file, data] of Object.entries(wanted)) assert.deepEqual(readFileSync(join(folder, file)), data, file)
}

const refusal = (message: RegExp) => ({ name: 'CheckpointError', message })

describe('a pull', () => {
  test('brings the files that serving needs, and only those', async () => {
    const { pull } = await start()
    const folder = await pull()
    assertComplete(folder)
    assert.deepEqual(
      readdirSync(folder)
        .filter((file) => !file.startsWith('.'))
        .sort(),
      Object.keys(wanted).sort(),
    )
  })

  test('is what opening a hub id does first', async () => {
    const { options } = await start()
    const checkpoint = await openCheckpoint(id, options)
    assert.equal(checkpoint.source, id)
    assert.equal(checkpoint.config.layerCount, 2)
  })

  test('reports each file up to its last byte', async () => {
    const { options } = await start()
    const reports: HubProgress[] = []
    await pullFromHub(id, { ...options, onProgress: (progress) => reports.push(progress) })
    for (const [file, data] of Object.entries(wanted)) {
      const last = reports.filter((report) => report.file === file).at(-1)
      assert.deepEqual(last, { file, bytes: data.length, totalBytes: data.length })
    }
  })

  test('of what is complete asks the hub for nothing', async () => {
    const { pull, hub } = await start()
    const folder = await pull()
    hub.close()
    const count = hub.requests.length
    assert.equal(await pull(), folder)
    assert.equal(hub.requests.length, count)
  })

  test('fetches again what is gone or short, and nothing else', async () => {
    const { pull, hub } = await start()
    const folder = await pull()
    rmSync(join(folder, 'tokenizer.json'))
    writeFileSync(join(folder, 'config.json'), '{')
    hub.requests.length = 0
    assertComplete(await pull())
    const files = hub.requests
      .filter((request) => request.includes('/resolve/'))
      .map((request) => request.split('/').at(-1))
    assert.deepEqual(files.sort(), ['config.json', 'tokenizer.json'])
  })

  test('replaces a file of another version, also one of the same length', async () => {
    const { pull } = await start()
    const folder = await pull()
    rmSync(join(folder, '.trimtab-pull.json'))
    const config = wanted['config.json']!
    writeFileSync(join(folder, 'config.json'), config.toString().replace('"Llama', '"Alpac'))
    assertComplete(await pull())
  })
})

describe('an interrupted pull', () => {
  test('goes on within itself after a cut connection', async () => {
    const { pull, hub } = await start()
    Object.assign(hub.faults, { cutAfter: 10_000, cuts: 2 })
    assertComplete(await pull())
    const parts = hub.requests.filter((request) => request.startsWith('GET /storage/'))
    assert.deepEqual(
      parts,
      ['', ' bytes=10000-', ' bytes=20000-'].map((range) => `GET /storage/model.safetensors${range}`),
    )
  })

  test('is continued by the next one', async () => {
    const { pull, hub, options } = await start()
    Object.assign(hub.faults, { cutAfter: 30_000, cuts: 1 })
    const controller = new AbortController()
    const onProgress = ({ bytes }: HubProgress) => bytes > 30_000 && controller.abort(new Error('enough'))
    await assert.rejects(pullFromHub(id, { ...options, onProgress, signal: controller.signal }), /enough/)
    hub.requests.length = 0
    assertComplete(await pull())
    const range = /^GET \/storage\/model.safetensors bytes=(\d+)-$/.exec(hub.requests.at(-1) ?? '')
    assert.ok(Number(range?.[1]) >= 30_000, hub.requests.at(-1))
  })

  test('starts a file over where the server does not understand ranges', async () => {
    const { pull, hub } = await start()
    Object.assign(hub.faults, { cutAfter: 10_000, cuts: 1, ignoreRange: true })
    assertComplete(await pull())
  })

  test('ends with the reason when nothing more comes', async () => {
    const { pull, hub } = await start()
    Object.assign(hub.faults, { cutAfter: 0, cuts: 100 })
    await assert.rejects(pull(), refusal(/^acme\/tiny-model: the hub at http.* cannot be reached/))
  })
})

describe('a pull that cannot work says why', () => {
  test('when the bytes are not those announced, which are thrown away', async () => {
    const { pull, hub, options } = await start()
    hub.faults.corrupt = true
    await assert.rejects(
      pull(),
      refusal(/model\.safetensors was damaged on the way: its sha256 digest is [0-9a-f]{64}/),
    )
    assert.deepEqual(
      readdirSync(join(options.cacheFolder, 'acme--tiny-model@main')).filter((file) => /safetensors/.test(file)),
      [],
    )
    hub.faults.corrupt = false
    assertComplete(await pull())
  })

  test('when a part left behind is not what the hub has', async () => {
    const { pull, hub } = await start()
    Object.assign(hub.faults, { cutAfter: weights.length - 10, cuts: 1, corrupt: true })
    await assert.rejects(pull(), refusal(/damaged on the way/))
    assert.equal(hub.requests.filter((request) => request.startsWith('GET /storage/')).length, 2)
  })

  test('without a network', async () => {
    const options = { cacheFolder: temporaryFolder(), hubUrl: 'http://127.0.0.1:9' }
    const message = /acme\/tiny-model: the hub at http:\/\/127.0.0.1:9 cannot be reached \(.+\).*give a folder/
    await assert.rejects(openCheckpoint(id, options), refusal(message))
  })

  test('when the model is gated, unknown, or the hub is broken', async () => {
    const { pull, hub, options } = await start()
    hub.faults.status = 401
    await assert.rejects(pull(), refusal(/asks for an access token \(status 401\)/))
    hub.faults.status = 403
    await assert.rejects(pullFromHub(id, { ...options, accessToken: 'hf_x' }), refusal(/refuses this access token/))
    hub.faults.status = 404
    await assert.rejects(pull(), refusal(/no such model, or no revision 'main'/))
    hub.faults.status = 500
    await assert.rejects(pull(), refusal(/status 500/))
  })

  test('when the repository is no safetensors checkpoint', async () => {
    const config = { 'config.json': Buffer.from('{}') }
    await assert.rejects(
      (await start({ ...config, 'pytorch_model.bin': weights })).pull(),
      refusal(/no weights in safetensors/),
    )
    hub.close()
    await assert.rejects((await start({ 'model.safetensors': weights })).pull(), refusal(/neither config.json nor/))
  })

  test('when the disk refuses', async () => {
    const { options } = await start()
    const cacheFolder = join(options.cacheFolder, 'file')
    writeFileSync(cacheFolder, '')
    await assert.rejects(pullFromHub(id, { ...options, cacheFolder }), refusal(/cannot be written to disk/))
  })
})

test('a hub id is org/name where no folder has that path', () => {
  mkdirSync(join(temporaryFolder(), 'a/b'), { recursive: true })
  assert.ok(isHubId('HuggingFaceTB/SmolLM2-135M-Instruct'))
  for (const path of ['./a/b', '/a/b', 'a', 'a/b/c', '../b', 'src/decoding', 'a/..']) assert.ok(!isHubId(path), path)
})
