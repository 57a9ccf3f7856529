import type { Decoder, Sequence, SequenceDelta, SequenceRequest } from './decoder.ts'

/** A decoder for each base: a sequence stays with the one that opened it. */
export class RoutedDecoder implements Decoder {
  readonly #decoderOf: (model: string) => Decoder
  readonly #owners = new WeakMap<Sequence, Decoder>()

  constructor(decoderOf: (model: string) => Decoder) {
    this.#decoderOf = decoderOf
  }

  open(request: SequenceRequest): Sequence {
    const decoder = this.#decoderOf(request.terms[0]!.model)
    return this.#own(decoder.open(request), decoder)
  }

  advance(sequence: Sequence, maxNewTokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta> {
    return this.#owner(sequence).advance(sequence, maxNewTokens, signal)
  }

  fork(sequence: Sequence, seed: bigint): Sequence {
    const owner = this.#owner(sequence)
    return this.#own(owner.fork(sequence, seed), owner)
  }

  release(sequence: Sequence): void {
    this.#owner(sequence).release(sequence)
  }

  #own(sequence: Sequence, decoder: Decoder): Sequence {
    this.#owners.set(sequence, decoder)
    return sequence
  }

  #owner(sequence: Sequence): Decoder {
    const owner = this.#owners.get(sequence)
    if (owner === undefined) throw new Error('The sequence is of another decoder.')
    return owner
  }
}
