import type { z } from 'zod'
import type { checkpointRewards } from './checkpoint-reward-options.ts'
import type { CheckpointDefinition } from './reward-catalogue.ts'

type CheckpointOptions = z.output<(typeof checkpointRewards)[number]>

/** The options of a reward that loads a checkpoint, as a definition; its path is absolute by now, or a hub id. */
export function checkpointDefinition(options: CheckpointOptions): CheckpointDefinition {
  const { path: source, weights, context: contextLength } = options
  const checkpoint = { source, weights, contextLength }
  switch (options.kind) {
    case 'classifier': {
      const { kind, label, reads, truncate } = options
      return { kind, checkpoint, options: { label, reads, truncate } }
    }
    case 'attributes': {
      const { kind, attributes, names, reads, truncate } = options
      return { kind, checkpoint, weights: attributes, options: { names, reads, truncate } }
    }
    case 'process': {
      const { kind, delimiter, separator, aggregate, label: positiveLabel, unfinished } = options
      const shaping = shapingOf(options.shaping)
      return { kind, checkpoint, options: { delimiter, separator, aggregate, shaping, positiveLabel, unfinished } }
    }
    case 'pairwise':
      return { kind: options.kind, checkpoint, options: { temperature: options.temperature } }
  }
}

type ShapingOption = Extract<CheckpointOptions, { kind: 'process' }>['shaping']

function shapingOf(shaping: ShapingOption) {
  if (shaping === undefined) return undefined
  return shaping === 'delta' ? ({ kind: 'delta' } as const) : ({ kind: 'clip', eta: shaping.clip } as const)
}
