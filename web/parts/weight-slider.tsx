interface Props {
  readonly name: string
  readonly weight: number
  readonly onChange: (weight: number) => void
}

export function WeightSlider({ name, weight, onChange }: Props) {
  return (
    <label>
      {name}
      <input
        type="range"
        min={-2}
        max={2}
        step={0.05}
        value={weight}
        onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
      />
      <output>{weight.toFixed(2)}</output>
    </label>
  )
}
