import { readLengths } from '../state/permalink.ts'

interface PruneProps {
  readonly lengths: readonly number[]
  readonly onChange: (lengths: readonly number[]) => void
}

/** Lengths in tokens at which the worse half is dropped, such as "10, 21". */
export function PruneField({ lengths, onChange }: PruneProps) {
  return (
    <label class="field inline">
      <span>Drop worse half at tokens</span>
      <input
        type="text"
        inputMode="numeric"
        placeholder="no length"
        value={lengths.join(', ')}
        onChange={({ currentTarget }) => {
          const read = readLengths(currentTarget.value.trim())
          currentTarget.setCustomValidity(read === undefined ? 'Ascending lengths in tokens, such as 10, 21' : '')
          if (read === undefined) currentTarget.reportValidity()
          else onChange(read)
        }}
      />
    </label>
  )
}
