/** What a prompt is cut from: text as people write it, so that laws are as sharp as in use. */
interface Encoder {
  encode(text: string, addSpecialTokens: boolean): number[]
}

const subjects = [
  'a lighthouse keeper',
  'the first bicycle',
  'a lost letter',
  'two rival bakers',
  'a frozen river',
  'an old clock',
  'the night train',
  'a chess teacher',
]
const deeds = [
  'crossed the market before dawn',
  'remembered the summer of the flood',
  'kept a promise nobody had asked for',
  'argued about the price of bread',
  'found a map under the floor',
  'waited for the post to arrive',
  'taught the children to count',
  'wrote everything down in a blue book',
]
const ends = [
  'and told nobody',
  'while the rain went on',
  'as the bells began to ring',
  'in spite of the cold',
  'for the last time that year',
  'with great care',
  'and laughed about it later',
  'under a borrowed umbrella',
]

/** Exactly `length` token ids of a text that belongs to `seed` alone: no two seeds share a beginning longer than a few tokens. */
export function promptIds(encoder: Encoder, seed: number, length: number): number[] {
  let text = `Story ${seed}: `
  let ids: number[] = []
  for (let sentence = 0; ids.length < length; sentence++) {
    for (let i = 0; i < 16; i++) text += `${sentenceOf(seed * 7919 + sentence * 16 + i)} `
    ids = encoder.encode(text, false)
  }
  return ids.slice(0, length)
}

/** A question of a few dozen tokens that belongs to `seed`. */
export const question = (seed: number): string =>
  `Write a long story, number ${seed}, that begins like this: ${sentenceOf(seed * 7919)}`

function sentenceOf(index: number): string {
  const pick = (list: readonly string[], salt: number) =>
    list[Math.abs(Math.imul(index + salt, 2654435761) >> 12) % list.length]!
  const subject = pick(subjects, 1)
  return `${subject[0]!.toUpperCase()}${subject.slice(1)} ${pick(deeds, 2)} ${pick(ends, 3)}.`
}
