import { type Cell, controlCell, guidedCell } from './cell.ts'

/** The guides that tilt reviews and replies, in the order of the figures. */
export const talkGuides = ['positive', 'formal', 'concise'] as const
export type TalkGuide = (typeof talkGuides)[number]

/** The weights of the figures' curves; at 0 every curve is the base. */
export const negativeWeights = [-1, -0.5] as const
export const positiveWeights = [0.25, 0.5, 1, 2] as const

/** The weights at which sums are worked out with the reasoner. */
export const reasonerWeights = [0.5, 1, 2] as const

/** Every policy that `guides` measures, as far as its guides exist. */
export function guideCells(exists: (guide: string) => boolean): readonly Cell[] {
  const talk = talkGuides.filter(exists)
  const pairs = talk.flatMap((one, i) => talk.slice(i + 1).map((other) => [one, other] as const))
  const all = Object.fromEntries(talk.map((guide) => [guide, 0.5]))
  return [
    guidedCell('talk', {}),
    ...positiveWeights.map((weight) => controlCell('talk', weight)),
    ...talk.flatMap((guide) =>
      [...negativeWeights, ...positiveWeights].map((weight) => guidedCell('talk', { [guide]: weight })),
    ),
    ...pairs.map(([one, other]) => guidedCell('talk', { [one]: 1, [other]: 1 })),
    ...(talk.length === 3 ? [guidedCell('talk', all)] : []),
    ...sumCells(exists('reasoner')),
  ]
}

function sumCells(hasReasoner: boolean): readonly Cell[] {
  const base = [guidedCell('sums', {}), guidedCell('sums', {}, true), controlCell('sums', 1)]
  if (!hasReasoner) return base
  const guided = reasonerWeights.flatMap((reasoner) => [
    guidedCell('sums', { reasoner }),
    guidedCell('sums', { reasoner }, true),
  ])
  return [...base, ...guided, guidedCell('talk', { reasoner: 1 })]
}
