import assert from 'node:assert/strict'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openSafetensors } from '../../src/decoding/checkpoint/safetensors.ts'
import { temporaryFolder } from './fixtures.ts'
import { encodeHeader, type FixtureTensor, writeSafetensors } from './write-safetensors.ts'

function folderWith(tensors: Record<string, FixtureTensor>): string {
  const folder = temporaryFolder()
  writeSafetensors(join(folder, 'model.safetensors'), tensors)
  return folder
}

/** A file with any header over eight bytes of data. */
function folderWithHeader(header: unknown): string {
  const folder = temporaryFolder()
  const json = typeof header === 'string' ? header : JSON.stringify(header)
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([encodeHeader(json), Buffer.alloc(8)]))
  return folder
}

const refuses = (folder: string, message: RegExp) =>
  assert.throws(() => openSafetensors('m', folder), { name: 'CheckpointError', message })

describe('weights are read as the numbers they stand for', () => {
  test('fp32 values come back as they are', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 50 }), (values) => {
        const source = openSafetensors('m', folderWith({ x: { shape: [values.length], values } }))
        assert.deepEqual([...source.read('x', [values.length])], [...Float32Array.from(values)])
        source.close()
      }),
      { numRuns: 25 },
    )
  })

  test('every finite fp16 pattern is widened exactly', () => {
    const patterns = Array.from({ length: 65536 }, (_, half) => half).filter((half) => (half & 0x7c00) !== 0x7c00)
    const folder = temporaryFolder()
    const data = Buffer.from(Uint16Array.from(patterns).buffer)
    const header = { h: { dtype: 'F16', shape: [patterns.length], data_offsets: [0, data.length] } }
    writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([encodeHeader(JSON.stringify(header)), data]))
    const values = openSafetensors('m', folder).read('h', [patterns.length])
    for (const [index, half] of patterns.entries()) {
      const exponent = (half >>> 10) & 31
      const magnitude = exponent === 0 ? (half & 1023) * 2 ** -24 : (1024 + (half & 1023)) * 2 ** (exponent - 25)
      assert.equal(values[index], half & 0x8000 ? -magnitude : magnitude)
    }
  })

  test('bf16 is the upper half of fp32, also beyond one read of scratch memory', () => {
    const length = (1 << 21) + 3
    const values = new Float32Array(length).map((_, index) => index % 256)
    const source = openSafetensors('m', folderWith({ x: { shape: [length], values, dtype: 'BF16' } }))
    assert.deepEqual(source.read('x', [length]), values)
  })

  test('shards are one source', () => {
    const folder = temporaryFolder()
    writeSafetensors(join(folder, 'a.safetensors'), { x: { shape: [1], values: [1] } })
    writeSafetensors(join(folder, 'b.safetensors'), { y: { shape: [2], values: [2, 3] } })
    const index = { weight_map: { x: 'a.safetensors', y: 'b.safetensors' } }
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index))
    const source = openSafetensors('m', folder)
    assert.deepEqual([...source.names], ['x', 'y'])
    assert.deepEqual([...source.read('y', [2])], [2, 3])
  })
})

describe('damaged weights are refused with the file and tensor', () => {
  test('a value that is NaN or infinite', () => {
    for (const [value, dtype] of [
      [Number.NaN, 'F32'],
      [Number.NEGATIVE_INFINITY, 'BF16'],
      [Number.NaN, 'F16'],
    ] as const) {
      const source = openSafetensors('m', folderWith({ x: { shape: [2], values: [1, value], dtype } }))
      const message = /model.safetensors: tensor 'x': value 1 is (NaN|-Infinity)/
      assert.throws(() => source.read('x', [2]), { name: 'CheckpointError', message })
    }
  })

  test('a file cut off anywhere', () => {
    const folder = folderWith({ x: { shape: [4], values: [1, 2, 3, 4] } })
    const path = join(folder, 'model.safetensors')
    const { length } = readFileSync(path)
    for (const size of [length - 1, length - 16, 40, 7, 0]) {
      truncateSync(path, size)
      refuses(folder, /model\.safetensors.*cut off/)
    }
  })

  test('a file cut off after it was opened', () => {
    const folder = folderWith({ x: { shape: [4], values: [1, 2, 3, 4] } })
    const source = openSafetensors('m', folder)
    truncateSync(join(folder, 'model.safetensors'), 80)
    assert.throws(() => source.read('x', [4]), /tensor 'x': the file is cut off/)
  })

  test('headers that contradict themselves', () => {
    refuses(folderWithHeader('{"x": '), /header is not JSON/)
    refuses(folderWithHeader([]), /header/)
    refuses(folderWithHeader({ x: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }), /tensor 'x'.*malformed/)
    refuses(folderWithHeader({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 8] } }), /'x': 8 bytes do not hold F32/)
    refuses(folderWithHeader({ x: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }), /'x': -4 bytes/)
    refuses(folderWithHeader({ x: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }), /'x': the file is cut off/)
    const overlapping = [0, 2].map((begin) => ({ dtype: 'F32', shape: [1], data_offsets: [begin, begin + 4] }))
    refuses(folderWithHeader({ x: overlapping[0], y: overlapping[1] }), /'y': overlaps 'x'/)
  })

  test('a header length that no file has', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'model.safetensors'), Buffer.alloc(64, 0xff))
    refuses(folder, /not a safetensors file/)
  })

  test('any garbage at all is a CheckpointError', () => {
    const path = join(temporaryFolder(), 'model.safetensors')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        writeFileSync(path, bytes)
        assert.throws(() => openSafetensors('m', join(path, '..')), { name: 'CheckpointError' })
      }),
      { numRuns: 50 },
    )
  })
})

describe('what cannot be read is named', () => {
  test('a tensor that is missing, misshapen or of another number format', () => {
    const header = { q: { dtype: 'F8_E4M3', shape: [8], data_offsets: [0, 8] } }
    const source = openSafetensors('m', folderWithHeader(header))
    assert.throws(() => source.read('w', [8]), /tensor 'w' is missing/)
    assert.throws(() => source.read('q', [2, 4]), /'q': its shape is \[8\]; the config asks for \[2, 4\]/)
    assert.throws(() => source.read('q', [8]), /'q': its dtype F8_E4M3 is not supported/)
  })

  test('missing files and shards, and an index that leads elsewhere', () => {
    const folder = temporaryFolder()
    refuses(folder, /no weights/)
    writeFileSync(join(folder, 'pytorch_model.bin'), '')
    refuses(folder, /convert them to safetensors/)
    const index = join(folder, 'model.safetensors.index.json')
    writeFileSync(index, JSON.stringify({ weight_map: { x: 'gone.safetensors' } }))
    refuses(folder, /gone\.safetensors is missing/)
    writeFileSync(index, JSON.stringify({ weight_map: { x: '../../secret.safetensors' } }))
    refuses(folder, /not the name of a safetensors file beside it/)
    writeSafetensors(join(folder, 'gone.safetensors'), {})
    writeFileSync(index, JSON.stringify({ weight_map: { x: 'gone.safetensors' } }))
    refuses(folder, /tensor 'x' of model\.safetensors\.index\.json is missing/)
  })
})
