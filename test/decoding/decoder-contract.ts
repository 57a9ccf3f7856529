import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decoder, LogitTerm, Sequence } from '../../src/decoding/decoder.ts'
import { ContextLengthError, InvalidRequestError, UnknownModelError } from '../../src/decoding/errors.ts'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'

/** A decoder under test, with terms that it can open. */
export interface ContractSubject {
  readonly decoder: Decoder
  /** Terms behind a prompt of that many tokens. */
  terms(promptTokens: number): readonly LogitTerm[]
  /** Most tokens of prompt and answer. */
  readonly contextLength: number
  /** Everything that was opened is released: nothing may be held or running any more. */
  assertIdle(): void | Promise<void>
}

export const never = new AbortController().signal

interface Answer {
  readonly ids: number[]
  readonly logprobs: number[]
  text: string
}

/** What is drawn in one go or several of `step` tokens. */
export async function decoded(decoder: Decoder, sequence: Sequence, step = Number.POSITIVE_INFINITY): Promise<Answer> {
  const answer: Answer = { ids: [], logprobs: [], text: '' }
  while (sequence.finishReason === undefined) {
    for await (const { text, draws } of decoder.advance(sequence, step, never)) {
      answer.text += text
      answer.ids.push(...draws.map(({ id }) => id))
      answer.logprobs.push(...draws.map(({ logprob }) => logprob))
    }
  }
  return answer
}

/** What every decoder must keep to, local or upstream; seeds decide everything that is left to chance. */
export function decoderContract(title: string, open: () => Promise<ContractSubject>): void {
  const request = (subject: ContractSubject, sampling: Partial<SamplingParams> = {}, forks = 0) => ({
    terms: subject.terms(3),
    sampling: { ...plainSampling, seed: 5n, maxTokens: 12, ignoreEos: true, ...sampling },
    forks,
  })

  const contract = (name: string, run: (subject: ContractSubject) => Promise<void>) =>
    test(`${title}: ${name}`, async () => {
      const subject = await open()
      await run(subject)
      await subject.assertIdle()
    })

  contract('the same seed gives the same answer, another seed another', async (subject) => {
    const { decoder } = subject
    const answers: Answer[] = []
    for (const seed of [3n, 3n, 4n]) {
      const sequence = decoder.open(request(subject, { seed }))
      answers.push(await decoded(decoder, sequence))
      decoder.release(sequence)
    }
    assert.deepEqual(answers[0], answers[1])
    assert.notDeepEqual(answers[0]!.ids, answers[2]!.ids)
  })

  contract('an answer ends at max tokens, and drawn token by token it is as long', async (subject) => {
    const { decoder } = subject
    for (const step of [1, 5, Number.POSITIVE_INFINITY]) {
      const sequence = decoder.open(request(subject))
      const { ids } = await decoded(decoder, sequence, step)
      assert.equal(ids.length, 12)
      assert.equal(sequence.generatedTokens, 12)
      assert.equal(sequence.finishReason, 'length')
      decoder.release(sequence)
    }
  })

  contract('advancing draws no more than asked for', async (subject) => {
    const { decoder } = subject
    const sequence = decoder.open(request(subject))
    for (const [step, total] of [
      [0, 0],
      [1, 1],
      [4, 5],
      [2, 7],
    ] as const) {
      for await (const _ of decoder.advance(sequence, step, never)) {
      }
      assert.equal(sequence.generatedTokens, total)
      assert.equal(sequence.finishReason, undefined)
    }
    decoder.release(sequence)
  })

  contract('an answer ends before a stop string and at a stop token', async (subject) => {
    const { decoder } = subject
    const whole = decoder.open(request(subject))
    const free = await decoded(decoder, whole)
    decoder.release(whole)
    const stop = free.text.slice(4, 6)
    const cut = decoder.open(request(subject, { stop: [stop] }))
    const { text } = await decoded(decoder, cut)
    assert.equal(text, free.text.slice(0, free.text.indexOf(stop)))
    assert.equal(cut.finishReason, 'stop')
    decoder.release(cut)
    const ended = decoder.open(request(subject, { stopTokenIds: [free.ids[3]!] }))
    const { ids } = await decoded(decoder, ended)
    assert.ok(!ids.includes(free.ids[3]!))
    assert.equal(ended.endDraw?.id, free.ids[3])
    assert.equal(ended.finishReason, 'stop')
    decoder.release(ended)
  })

  contract(
    'a fork with the same seed goes on as its parent does, with another otherwise, and leaves it as it was',
    async (subject) => {
      const { decoder } = subject
      const parent = decoder.open(request(subject, {}, 2))
      for await (const _ of decoder.advance(parent, 4, never)) {
      }
      const twin = decoder.fork(parent, 5n)
      const other = decoder.fork(parent, 77n)
      assert.equal(twin.generatedTokens, 4)
      assert.equal(twin.text, parent.text)
      const [own, twins, others] = await Promise.all([parent, twin, other].map((one) => decoded(decoder, one)))
      assert.deepEqual(twins, own)
      assert.notDeepEqual(others!.ids, own!.ids)
      for (const sequence of [parent, twin, other]) decoder.release(sequence)
    },
  )

  contract('an abort ends with its reason', async (subject) => {
    const { decoder } = subject
    const sequence = decoder.open(request(subject))
    const gone = new AbortController()
    const run = async () => {
      for await (const _ of decoder.advance(sequence, 12, gone.signal)) gone.abort(new Error('client gone'))
    }
    await assert.rejects(run, /client gone/)
    decoder.release(sequence)
  })

  contract(
    'a sequence released while it is advanced ends quietly, and releasing twice is harmless',
    async (subject) => {
      const { decoder } = subject
      const sequence = decoder.open(request(subject))
      for await (const _ of decoder.advance(sequence, 12, never)) decoder.release(sequence)
      assert.equal(sequence.finishReason, undefined)
      decoder.release(sequence)
    },
  )

  contract('what can never be served is refused when it is opened', async (subject) => {
    const { decoder, contextLength } = subject
    const terms = subject.terms(3)
    const opening = (changes: object) => () => decoder.open({ ...request(subject), ...changes })
    assert.throws(opening({ terms: [{ ...terms[0]!, model: 'nobody' }] }), UnknownModelError)
    assert.throws(opening({ terms: [{ ...terms[0]!, adapter: 'nobody' }] }), UnknownModelError)
    assert.throws(opening({ terms: [{ ...terms[0]!, promptIds: [] }] }), InvalidRequestError)
    assert.throws(opening({ terms: [{ ...terms[0]!, promptIds: [1e6] }] }), InvalidRequestError)
    assert.throws(opening({ sampling: request(subject, { maxTokens: contextLength }).sampling }), ContextLengthError)
  })
}
