import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { wholeEvents } from '../../src/server/whole-events.ts'

async function read(pieces: readonly string[], failure?: Error): Promise<{ out: string[]; failed: boolean }> {
  async function* stream() {
    for (const piece of pieces) yield Buffer.from(piece, 'latin1')
    if (failure !== undefined) throw failure
  }
  const out: string[] = []
  try {
    for await (const piece of wholeEvents(stream())) out.push(Buffer.from(piece).toString('latin1'))
  } catch (error) {
    assert.equal(error, failure)
    return { out, failed: true }
  }
  return { out, failed: false }
}

describe('an event stream in whole events', () => {
  it('has the same bytes, and every piece but the last ends an event', async () => {
    const piece = fc.constantFrom('data: 1', '\n', '\r', '\n\n', '\r\n\r\n', 'é', ': ping\n\n', 'data: {"a":"\\n\\n"}')
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
        const { out } = await read(pieces)
        assert.equal(out.join(''), pieces.join(''))
        for (const part of out.slice(0, -1)) assert.match(part, /(\n\n|\n\r\n|\r\r)$/)
      }),
    )
  })

  it('an event goes on as soon as it is whole', async () => {
    const { out } = await read(['data: 1\n', '\ndata: 2\n\nda', 'ta: 3\n\n'])
    assert.deepEqual(out, ['data: 1\n\ndata: 2\n\n', 'data: 3\n\n'])
  })

  it('of a stream that breaks, the event without an end is left out', async () => {
    const failure = new Error('cut')
    assert.deepEqual(await read(['data: 1\n\ndata: {"a', '":'], failure), { out: ['data: 1\n\n'], failed: true })
  })

  it('what is too large to hold goes on in parts', async () => {
    const large = 'x'.repeat(2 ** 20)
    const { out } = await read([`data: ${large}`, 'y'])
    assert.equal(out[0]?.length, large.length + 6)
  })
})
