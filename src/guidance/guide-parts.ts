import type { GuideForm } from './alignment-options.ts'
import type { TermContext, TiltPart } from './tilt.ts'

/** A trained guide's a(y): log pi_guide (plain), or log pi_guide - log pi_base (relative). */
export function guideParts(guide: TermContext, base: TermContext, form: GuideForm): readonly TiltPart[] {
  const plain: TiltPart = { context: guide, sign: 1 }
  return form === 'plain' ? [plain] : [plain, { context: base, sign: -1 }]
}
