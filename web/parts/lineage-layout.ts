/** Where the family tree's parts lie, in CSS pixels. */
export const left = 20
export const top = 58
export const stepWidth = 92
const rowHeight = 34
const curveHeight = 64

export const xOf = (step: number): number => left + 46 + step * stepWidth
export const yOf = (slot: number): number => top + slot * rowHeight
export const widthOf = (steps: number): number => xOf(steps - 1) + 70

/** The curve of the effective sample size lies below the tree, its checkpoints under the tree's. */
export const essY = (share: number, n: number): number => yOf(n - 1) + 40 + (1 - share) * curveHeight
export const heightOf = (n: number): number => essY(0, n) + 14
