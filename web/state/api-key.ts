import { effect, signal } from '@preact/signals'
import { presentKey } from '../api/authorization.ts'

const place = 'trimtab.key'

/** The key that calls present; empty: none. It lives as long as the tab, and is in no permalink and no program to copy. */
export const apiKey = signal(sessionStorage.getItem(place) ?? '')

effect(() => {
  presentKey(apiKey.value)
  if (apiKey.value === '') sessionStorage.removeItem(place)
  else sessionStorage.setItem(place, apiKey.value)
})
