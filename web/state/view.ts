import { computed, effect, signal } from '@preact/signals'
import { aligned, base } from './store.ts'

/** What the page shows, which no request depends on and no permalink holds. */

export interface PickedToken {
  readonly side: 'base' | 'aligned'
  readonly index: number
}
export const picked = signal<PickedToken | undefined>(undefined)

/** The guide that the heat map shows; undefined: all together. */
export const heatGuide = signal<string | undefined>(undefined)

export const panels = ['inspector', 'population', 'sweep', 'code'] as const
export type Panel = (typeof panels)[number]
export const panel = signal<Panel>('inspector')

export const pickedToken = computed(() => {
  const { value } = picked
  if (value === undefined) return undefined
  return (value.side === 'base' ? base : aligned).tokens.value[value.index]
})

export function pick(token: PickedToken): void {
  picked.value = token
  panel.value = 'inspector'
}

export type Theme = 'auto' | 'light' | 'dark'
const themeKey = 'trimtab.theme'
const storedTheme = localStorage.getItem(themeKey)
export const theme = signal<Theme>(storedTheme === 'light' || storedTheme === 'dark' ? storedTheme : 'auto')

effect(() => {
  document.documentElement.dataset['theme'] = theme.value
  localStorage.setItem(themeKey, theme.value)
})
