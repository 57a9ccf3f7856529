import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineEnvironment } from '../../src/server/engine-environment.ts'

test('the engine asks for huge pages, beside what the operator tunes', () => {
  assert.deepEqual(engineEnvironment({ HOME: '/h' }), { HOME: '/h', GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' })
  const tuned = engineEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.check=1' })
  assert.equal(tuned['GLIBC_TUNABLES'], 'glibc.malloc.check=1:glibc.malloc.hugetlb=1')
})

test('an operator can refuse them', () => {
  const own = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' }
  assert.equal(engineEnvironment(own), own)
})
