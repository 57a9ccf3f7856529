import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runProgram } from '../../bench/child.ts'
import { withCleanup } from '../../bench/cleanup.ts'
import { startGenerationWorker } from '../../bench/rivals/generation-worker.ts'

const program = (body: string) => [
  '-e',
  `console.log('a library says hello'); console.log(JSON.stringify({ ready: true, version: 'v1' }))
   require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => { const q = JSON.parse(line); ${body} })`,
]
const answering = program(
  'console.log(JSON.stringify({ seconds: 2, decode_seconds: 1, tokens: q.prompts.length * q.new_tokens }))',
)

/** Whether a process of this id is there. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

describe('a rival in a process of its own', () => {
  it('answers in turn and is gone when it was stopped', async () => {
    const worker = await startGenerationWorker(process.execPath, answering)
    assert.equal(worker.version, 'v1')
    assert.deepEqual(await worker.generate([[1], [2]], 3), { seconds: 2, decodeSeconds: 1 })
    assert.ok(lives(worker.pid))
    await worker.stop()
    assert.ok(!lives(worker.pid))
  })

  it('may not draw fewer tokens than it was asked for', async () => {
    const lazy = program('console.log(JSON.stringify({ seconds: 2, decode_seconds: 1, tokens: 1 }))')
    const worker = await startGenerationWorker(process.execPath, lazy)
    try {
      await assert.rejects(worker.generate([[1]], 3), /drew 1 tokens, not 3/)
    } finally {
      await worker.stop()
    }
  })

  it('fails with what it complained of', async () => {
    const broken = program("console.error('out of luck'); process.exit(3)")
    const worker = await startGenerationWorker(process.execPath, broken)
    await assert.rejects(worker.generate([[1]], 3), /out of luck/)
    await assert.rejects(startGenerationWorker('/no/such/program', []), /could not be started/)
    await assert.rejects(runProgram(process.execPath, ['-e', "console.error('no'); process.exit(2)"]), /code 2: no/)
  })
})

describe('cleaning up', () => {
  it('undoes the last thing first, also after a failure', async () => {
    const undone: number[] = []
    const work = withCleanup(async (cleanup) => {
      for (const step of [1, 2]) cleanup.add(() => void undone.push(step))
      throw new Error('midway')
    })
    await assert.rejects(work, /midway/)
    assert.deepEqual(undone, [2, 1])
  })
})
