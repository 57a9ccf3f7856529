/** Where the family tree's parts lie, in CSS pixels. */
export const left = 14
export const top = 58
/** Checkpoints lie this far apart at least, and at most so far that the tree is as wide as a card. */
export const stepWidth = (steps: number): number => Math.max(92, Math.min(190, 860 / steps))
const rowHeight = 34
const curveHeight = 64

export const xOf = (step: number, steps: number): number => left + 54 + step * stepWidth(steps)
export const yOf = (slot: number): number => top + slot * rowHeight
export const widthOf = (steps: number): number => xOf(steps - 1, steps) + 70

/** The curve of the effective sample size lies below the tree, its checkpoints under the tree's. */
export const essY = (share: number, n: number): number => yOf(n - 1) + 56 + (1 - share) * curveHeight
export const heightOf = (n: number): number => essY(0, n) + 14
