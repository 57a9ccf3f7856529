import { AnswerColumn } from './parts/answer-column.tsx'
import { WeightSlider } from './parts/weight-slider.tsx'
import { aligned, base, edit, offer, run, setting, steer } from './state/store.ts'

export function App() {
  const { prompt, guides } = setting.value
  return (
    <main>
      <h1>trimtab</h1>
      <label>
        Prompt
        <textarea value={prompt} onInput={({ currentTarget }) => edit({ prompt: currentTarget.value })} />
      </label>
      <button type="button" onClick={run}>
        Run
      </button>
      {offer.value?.guides.map(({ id }) => (
        <WeightSlider
          key={id}
          name={id}
          weight={guides[id] ?? 0}
          onChange={(weight) => steer({ guides: { ...guides, [id]: weight } })}
        />
      ))}
      <div class="columns">
        <AnswerColumn title="Base" column={base} />
        <AnswerColumn title="Aligned" column={aligned} />
      </div>
    </main>
  )
}
