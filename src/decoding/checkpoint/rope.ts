import type { ModelConfig } from './model-config.ts'
import type { RopeScaling } from './rope-config.ts'

export interface RopeFrequencies {
  /** [headSize / 2] radians per position; each value is an fp32, as transformers computes them. */
  readonly inverseFrequencies: Float64Array
  /** Multiplies cos and sin. */
  readonly attentionFactor: number
}

type Kind<K> = Extract<RopeScaling, { kind: K }>

/**
 * Rotary frequencies as transformers' modeling_rope_utils computes them. Every step is rounded to fp32 like there:
 * at position 8192 one ulp of a frequency is already 5e-4 radians.
 */
export function ropeInverseFrequencies(config: ModelConfig): RopeFrequencies {
  const base = Float64Array.from({ length: config.headSize / 2 }, (_, pair) => wavelengthBase(config, pair))
  const plain = base.map((value) => Math.fround(1 / value))
  const scaling = config.ropeScaling
  if (scaling === undefined) return { inverseFrequencies: plain, attentionFactor: 1 }
  if (scaling.kind === 'linear') {
    return { inverseFrequencies: plain.map((value) => Math.fround(value / scaling.factor)), attentionFactor: 1 }
  }
  if (scaling.kind === 'llama3') {
    return { inverseFrequencies: plain.map((value) => llama3Frequency(value, scaling)), attentionFactor: 1 }
  }
  return { inverseFrequencies: yarnFrequencies(base, config, scaling), attentionFactor: yarnAttentionFactor(scaling) }
}

function wavelengthBase(config: ModelConfig, pair: number): number {
  return Math.fround(config.ropeTheta ** Math.fround((2 * pair) / config.headSize))
}

/** Llama 3.1: long waves are stretched, short ones kept, those between blended. */
function llama3Frequency(frequency: number, scaling: Kind<'llama3'>): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings: original } = scaling
  // A number divided by a tensor is, in torch, the number times the rounded reciprocal.
  const wavelength = Math.fround(Math.fround(2 * Math.PI) * Math.fround(1 / frequency))
  if (wavelength > original / lowFreqFactor) return Math.fround(frequency / factor)
  if (wavelength < original / highFreqFactor) return frequency
  const turns = Math.fround(original * Math.fround(1 / wavelength))
  const distance = Math.fround(turns - lowFreqFactor)
  const smooth = Math.fround(distance / (highFreqFactor - lowFreqFactor))
  const stretched = Math.fround(Math.fround(Math.fround(1 - smooth) * frequency) / factor)
  return Math.fround(stretched + Math.fround(smooth * frequency))
}

/** YaRN (arXiv 2309.00071): a ramp over the pairs from kept to stretched. */
function yarnFrequencies(base: Float64Array, config: ModelConfig, scaling: Kind<'yarn'>): Float64Array {
  const [low, high] = yarnRange(config, scaling)
  return base.map((value, pair) => {
    const ramp = Math.fround(Math.min(1, Math.max(0, Math.fround(pair - low) / Math.fround(high - low))))
    const keep = Math.fround(1 - ramp)
    const stretched = Math.fround(1 / Math.fround(scaling.factor * value))
    const kept = Math.fround(1 / value)
    return Math.fround(Math.fround(stretched * Math.fround(1 - keep)) + Math.fround(kept * keep))
  })
}

/** The pairs between which the ramp rises: those that turn betaFast and betaSlow times within the trained context. */
function yarnRange(config: ModelConfig, scaling: Kind<'yarn'>): [number, number] {
  const pairOf = (turns: number) =>
    (config.headSize * Math.log(scaling.originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) /
    (2 * Math.log(config.ropeTheta))
  let low = pairOf(scaling.betaFast)
  let high = pairOf(scaling.betaSlow)
  if (scaling.truncate) [low, high] = [Math.floor(low), Math.ceil(high)]
  low = Math.max(low, 0)
  high = Math.min(high, config.headSize - 1)
  return [low, low === high ? high + 0.001 : high]
}

function yarnAttentionFactor(scaling: Kind<'yarn'>): number {
  return scaling.attentionFactor ?? (scaling.factor <= 1 ? 1 : 0.1 * Math.log(scaling.factor) + 1)
}
