import { run } from '../state/store.ts'

/** Enter asks, with shift it begins a line; what an input method composes is neither. */
export function runOnEnter(event: KeyboardEvent): void {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  run()
}
