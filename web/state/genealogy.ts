import type { WireAlignment } from '../api/chat-stream.ts'

export type WireParticles = Extract<WireAlignment, { particles?: unknown }>['particles']
type Particles = NonNullable<WireParticles>

/** One particle at one checkpoint, before what that checkpoint resamples. */
export interface LineageNode {
  readonly step: number
  readonly slot: number
  /** Null where the reward was -Infinity, undefined where it failed. */
  readonly reward: number | null | undefined
  /** The slot of the checkpoint before that it goes on from; undefined at the first. */
  readonly parent: number | undefined
  /** The whole text so far. */
  readonly text: string
  /** What it wrote since the checkpoint before. */
  readonly fresh: string
  /** Nobody went on from it. */
  readonly lost: boolean
  /** On the way to the answer. */
  readonly streamed: boolean
}

/** The family tree of a run, by checkpoint and slot. */
export function genealogy({ steps, chosen }: Particles): LineageNode[][] {
  const way = wayTo(steps, chosen)
  const texts: string[][] = []
  return steps.map((step, j) => {
    const before = steps[j - 1]
    const slots = step.ancestors.length
    texts.push(
      Array.from({ length: slots }, (_, slot) => {
        const past = before === undefined ? '' : (texts[j - 1]?.[before.ancestors[slot]!] ?? '')
        return past + (step.texts?.[slot] ?? '')
      }),
    )
    return Array.from(
      { length: slots },
      (_, slot): LineageNode => ({
        step: j,
        slot,
        reward: step.rewards?.[slot],
        parent: before?.ancestors[slot],
        text: texts[j]![slot]!,
        fresh: step.texts?.[slot] ?? '',
        lost: !step.ancestors.includes(slot),
        streamed: way[j] === slot,
      }),
    )
  })
}

/** The slot that led to the answer, by checkpoint. */
function wayTo(steps: Particles['steps'], chosen: number): number[] {
  const way: number[] = []
  let slot = chosen
  for (let j = steps.length - 1; j >= 0; j--) {
    slot = steps[j]!.ancestors[slot]!
    way[j] = slot
  }
  return way
}
