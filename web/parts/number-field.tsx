interface Props {
  readonly label: string
  readonly value: number
  readonly least: number
  readonly most: number
  readonly step?: number
  readonly onChange: (value: number) => void
}

/** A number that takes effect when it is one within its bounds. */
export function NumberField({ label, value, least, most, step = 1, onChange }: Props) {
  return (
    <label class="field inline">
      <span>{label}</span>
      <input
        type="number"
        min={least}
        max={most}
        step={step}
        value={value}
        onInput={({ currentTarget }) => {
          if (currentTarget.validity.valid && currentTarget.value !== '') onChange(currentTarget.valueAsNumber)
        }}
      />
    </label>
  )
}
