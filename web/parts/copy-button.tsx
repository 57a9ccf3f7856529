import { useState } from 'preact/hooks'

interface Props {
  readonly text: () => string
  readonly label: string
}

/** Copies; where the browser keeps the clipboard to itself (plain HTTP from elsewhere) it says so. */
export function CopyButton({ text, label }: Props) {
  const [told, tell] = useState('')
  const copy = async () => {
    tell(await copied(text()))
    setTimeout(() => tell(''), 1800)
  }
  return (
    <button type="button" class="quiet" onClick={() => void copy()}>
      <span aria-live="polite">{told === '' ? label : told}</span>
    </button>
  )
}

async function copied(text: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text)
    return 'Copied'
  } catch {
    return 'The browser refused'
  }
}
