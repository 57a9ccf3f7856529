import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import type { ConfigJson } from './config-json.ts'
import { parseJson } from './json-file.ts'

/** How rotary position angles are stretched beyond the trained context, as Hugging Face names the kinds. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly factor: number
      readonly lowFreqFactor: number
      readonly highFreqFactor: number
      readonly originalMaxPositionEmbeddings: number
    }
  | {
      readonly kind: 'yarn'
      readonly factor: number
      readonly betaFast: number
      readonly betaSlow: number
      readonly originalMaxPositionEmbeddings: number
      /** Multiplies cos and sin; undefined means 0.1 ln(factor) + 1 (arXiv 2309.00071). */
      readonly attentionFactor: number | undefined
      readonly truncate: boolean
    }

/** The default base of every supported architecture's config class. */
const defaultTheta = 10_000

const positive = z.number().positive()
const ropeSchema = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: positive.nullish(),
  partial_rotary_factor: z.number().nullish(),
  factor: positive.nullish(),
  low_freq_factor: positive.nullish(),
  high_freq_factor: positive.nullish(),
  original_max_position_embeddings: positive.nullish(),
  attention_factor: positive.nullish(),
  beta_fast: z.number().nonnegative().nullish(),
  beta_slow: z.number().nonnegative().nullish(),
  truncate: z.boolean().nullish(),
})
type RopeJson = z.infer<typeof ropeSchema>

/**
 * Base and scaling of a config's rotary positions. The order of precedence is transformers': `rope_scaling` before
 * `rope_parameters`, a theta inside it before the one outside.
 * @throws CheckpointError naming a kind or field that is not supported
 */
export function parseRope(
  source: string,
  config: ConfigJson,
  maxPositions: number,
): { theta: number; scaling: RopeScaling | undefined } {
  const field = isFilled(config.rope_scaling) ? 'rope_scaling' : 'rope_parameters'
  const rope = parseJson(source, `config.json: ${field}`, JSON.stringify(config[field] ?? {}), ropeSchema)
  refuseUnknownKind(source, rope)
  for (const [key, value] of Object.entries(rope)) {
    if (value !== null && (key === 'mscale' || key === 'mscale_all_dim' || typeof value === 'object')) {
      throw new CheckpointError(source, `config.json: ${field}.${key} is not supported`)
    }
  }
  const partial = rope.partial_rotary_factor ?? config.partial_rotary_factor ?? 1
  if (partial !== 1)
    throw new CheckpointError(source, `config.json: partial_rotary_factor ${partial} is not supported, only 1`)
  const original = config.original_max_position_embeddings ?? rope.original_max_position_embeddings ?? maxPositions
  const scaling = parseScaling(source, rope, original, maxPositions)
  return { theta: rope.rope_theta ?? config.rope_theta ?? defaultTheta, scaling }
}

function isFilled(rope: ConfigJson['rope_scaling']): boolean {
  return rope !== undefined && rope !== null && Object.keys(rope).length > 0
}

function refuseUnknownKind(source: string, rope: RopeJson): void {
  const kind = kindOf(rope)
  if (['default', 'linear', 'llama3', 'yarn'].includes(kind)) return
  throw new CheckpointError(
    source,
    `config.json: rope type '${kind}' is not supported; default, linear, llama3 and yarn are`,
  )
}

function kindOf(rope: RopeJson): string {
  return rope.rope_type ?? rope.type ?? 'default'
}

function parseScaling(source: string, rope: RopeJson, original: number, maxPositions: number): RopeScaling | undefined {
  const kind = kindOf(rope)
  const need = (key: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number => {
    const value = rope[key]
    if (value === undefined || value === null)
      throw new CheckpointError(source, `config.json: rope type '${kind}' needs '${key}'`)
    return value
  }
  if (kind === 'linear') return { kind, factor: need('factor') }
  if (kind === 'llama3') {
    const lowFreqFactor = need('low_freq_factor')
    const highFreqFactor = need('high_freq_factor')
    if (highFreqFactor <= lowFreqFactor) {
      throw new CheckpointError(
        source,
        `config.json: rope high_freq_factor ${highFreqFactor} is not above low_freq_factor`,
      )
    }
    return { kind, factor: need('factor'), lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original }
  }
  return kind === 'yarn' ? yarn(rope, original, maxPositions) : undefined
}

function yarn(rope: RopeJson, original: number, maxPositions: number): RopeScaling {
  return {
    kind: 'yarn',
    factor: rope.factor ?? maxPositions / original,
    // transformers takes a beta of 0 for one that was not given.
    betaFast: rope.beta_fast || 32,
    betaSlow: rope.beta_slow || 1,
    originalMaxPositionEmbeddings: original,
    attentionFactor: rope.attention_factor ?? undefined,
    truncate: rope.truncate ?? true,
  }
}
