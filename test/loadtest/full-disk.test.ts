import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startOnFullDisk } from '../../loadtest/faults/full-disk.ts'

describe('a cache that cannot be written', {
  skip: process.platform === 'win32' && 'needs ulimit of a POSIX shell',
}, () => {
  it('ends the start with the reason, and leaves no half of a graph behind', async () => {
    const { code, said, left } = await startOnFullDisk(512)
    assert.equal(code, 1)
    assert.match(
      said,
      /cannot be written to .*cache \(EFBIG.*\): make room there, or name another folder in engine\.cache/,
    )
    assert.deepEqual(left, [])
  })
})
