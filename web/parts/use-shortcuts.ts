import { useEffect } from 'preact/hooks'
import { run, stop } from '../state/store.ts'

/** Keys that work everywhere on the page. */
export function useShortcuts(): void {
  useEffect(() => {
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}

function onKey(event: KeyboardEvent): void {
  const typing = event.target instanceof HTMLElement && event.target.matches('textarea, input, select')
  if (event.key === 'Escape') stop()
  else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run()
  else if (event.key === '/' && !typing) {
    event.preventDefault()
    document.getElementById('prompt')?.focus()
  }
}
