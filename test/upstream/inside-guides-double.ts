import { z } from 'zod'
import {
  type DoubleAnswer,
  type DoubleEngine,
  type DoubleLaw,
  type DoubleSampling,
  normalised,
} from './double-engine.ts'

export const guideArguments = z.strictObject({
  trimtab_base: z.number().default(1),
  trimtab_guides: z.string().optional(),
})

export type GuideArguments = z.output<typeof guideArguments>

const terms = z.array(
  z.strictObject({ guide: z.string(), weight: z.number(), prompt: z.array(z.number().int()).min(1).optional() }),
)

type Guides = ReadonlyMap<string, DoubleLaw>

/** What deploy/vllm-guides refuses, in its words; the question is answered with a refusal too. */
export function guidesRefusal(asked: GuideArguments | undefined, guides: Guides, vocabulary: number) {
  if (asked?.trimtab_guides === undefined) return undefined
  const described = [...guides.keys()].map((name) => ({ name, vocabulary, context: 64 }))
  if (asked.trimtab_guides === '?') return `trimtab-guides ${JSON.stringify({ format: 1, guides: described })}`
  const foreign = terms.parse(JSON.parse(asked.trimtab_guides)).find(({ guide }) => !guides.has(guide))
  return foreign && `unknown guide '${foreign.guide}'`
}

/** Draws as vLLM with the plug-in does: its raw log-probabilities are still the base's. */
export function generateGuided(
  engine: DoubleEngine,
  base: DoubleLaw,
  guides: Guides,
  asked: GuideArguments,
  prompt: readonly number[],
  sampling: DoubleSampling,
): DoubleAnswer {
  const tilts = terms.parse(JSON.parse(asked.trimtab_guides ?? '[]'))
  const law: DoubleLaw = (ids) => {
    const answer = ids.slice(prompt.length)
    const rows = tilts.map(({ guide, prompt: own }) => guides.get(guide)!([...(own ?? prompt), ...answer]))
    const sums = base(ids).map((logprob, v) =>
      tilts.reduce((sum, { weight }, i) => sum + weight * rows[i]![v]!, asked.trimtab_base * logprob),
    )
    return normalised(sums)
  }
  const answer = engine.generateFrom(law, prompt, sampling)
  const drawn = answer.tokens.map(({ id }) => id)
  return {
    ...answer,
    tokens: answer.tokens.map((one, i) => ({ ...one, raw: base([...prompt, ...drawn.slice(0, i)]) })),
  }
}
