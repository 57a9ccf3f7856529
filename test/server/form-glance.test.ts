import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formBoundary, glanceAtForm } from '../../src/server/form-glance.ts'

const part = (name: string, value: string | Buffer, more = '') =>
  Buffer.concat([
    Buffer.from(`--xyz\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ])
const form = (...parts: readonly Buffer[]) => Buffer.concat([...parts, Buffer.from('--xyz--\r\n')])
const modelOf = (bytes: Buffer) => glanceAtForm(bytes, 'xyz').model?.name

test('a boundary is read from the header, quoted or not', () => {
  assert.equal(formBoundary('multipart/form-data; boundary=xyz'), 'xyz')
  assert.equal(formBoundary('Multipart/Form-Data;charset=utf-8; boundary="x y"'), 'x y')
  for (const other of [undefined, 'application/json', 'multipart/mixed; boundary=xyz', 'multipart/form-data'])
    assert.equal(formBoundary(other), undefined)
})

test('the model is found before and behind files, whatever the files hold', () => {
  const file = part(
    'file',
    Buffer.from([0, 255, 13, 10, 45, 45, 120, 121]),
    '; filename="a.wav"\r\nContent-Type: audio/wav',
  )
  assert.equal(modelOf(form(part('model', 'whisper-é'), file)), 'whisper-é')
  assert.equal(modelOf(form(file, part('model', 'whisper'))), 'whisper')
  assert.equal(modelOf(form(part('file', 'name="model"\r\n\r\nevil'), part('model', 'good'))), 'good')
  const bytes = form(file, part('model', 'whisper'))
  const { start, end } = glanceAtForm(bytes, 'xyz').model!
  assert.equal(bytes.toString('utf8', start, end), 'whisper')
})

test('of two models the last counts, a preamble is skipped, alignment is seen', () => {
  assert.equal(modelOf(form(part('model', 'a'), part('model', 'b'))), 'b')
  assert.equal(modelOf(Buffer.concat([Buffer.from('preamble\r\n'), form(part('model', 'a'))])), 'a')
  assert.equal(glanceAtForm(form(part('alignment', '{}')), 'xyz').aligned, true)
  assert.equal(glanceAtForm(form(part('model', 'alignment')), 'xyz').aligned, false)
})

test('broken forms name nothing, and end', () => {
  for (const bytes of [
    '',
    '--xyz',
    '--xyz\r\n',
    '--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nno end',
    'no form',
    '\r\n--xyz'.repeat(9),
  ])
    assert.equal(modelOf(Buffer.from(bytes)), undefined, bytes)
})
