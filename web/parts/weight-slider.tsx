interface Props {
  readonly name: string
  readonly hint: string
  readonly weight: number
  readonly disabled?: boolean
  readonly onChange: (weight: number) => void
}

/** How far sliders reach; the number beside takes whatever the API does. */
const reach = 2

export function WeightSlider({ name, hint, weight, disabled = false, onChange }: Props) {
  const from = 50 + (Math.max(-reach, Math.min(0, weight)) / reach) * 50
  const to = 50 + (Math.min(reach, Math.max(0, weight)) / reach) * 50
  return (
    <div
      class={`slider${weight === 0 || disabled ? '' : ' moved'}${weight < 0 && !disabled ? ' away' : ''}`}
      title={hint}
    >
      <span class="slider-name">{name}</span>
      <span class="track" style={{ '--from': `${from}%`, '--to': `${to}%` }}>
        <input
          type="range"
          aria-label={`Weight of ${name}`}
          aria-description={hint}
          min={-reach}
          max={reach}
          step={0.05}
          value={weight}
          disabled={disabled}
          onInput={({ currentTarget }) => onChange(currentTarget.valueAsNumber)}
          onDblClick={() => onChange(0)}
        />
      </span>
      <input
        type="number"
        class="weight"
        aria-label={`Weight of ${name} as a number`}
        min={-100}
        max={100}
        step={0.05}
        value={weight}
        disabled={disabled}
        onInput={({ currentTarget }) => {
          if (currentTarget.validity.valid && currentTarget.value !== '') onChange(currentTarget.valueAsNumber)
        }}
      />
    </div>
  )
}
