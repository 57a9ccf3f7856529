import { aligned } from '../state/store.ts'
import { heatGuide } from '../state/view.ts'
import { SelectField } from './select-field.tsx'

/** Which guide's doing the colours show. */
export function HeatChoice() {
  const { alignment, previous } = aligned.answer.value
  const guides = Object.keys((alignment ?? previous)?.trace?.weights ?? {})
  if (guides.length < 2) return null
  const options = [['', 'all guides'] as const, ...guides.map((guide) => [guide, shortened(guide)] as const)]
  const shown = heatGuide.value !== undefined && guides.includes(heatGuide.value) ? heatGuide.value : ''
  return (
    <SelectField
      label="Heat"
      value={shown}
      options={options}
      onChange={(guide) => {
        heatGuide.value = guide === '' ? undefined : guide
      }}
    />
  )
}

export const shortened = (text: string): string => (text.length > 28 ? `${text.slice(0, 27)}…` : text)
