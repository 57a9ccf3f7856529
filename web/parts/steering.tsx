import type { Method } from '../state/setting.ts'
import { edit, offer, run, setting, steer } from '../state/store.ts'
import { MethodChoice } from './method-choice.tsx'
import { runOnEnter } from './run-on-enter.ts'
import { WeightSlider } from './weight-slider.tsx'

const kinds: Readonly<Record<string, string>> = {
  genarm: 'GenARM: a reward model that tilts every token',
  unir: 'UniR: a reasoning module whose logits are added',
  contrast: 'The difference of two models',
  principle: 'An instruction turned into a force',
}

export function Steering() {
  return (
    <section class="steering card" aria-label="Steering">
      <Guides />
      <Objectives />
      <Principle />
      <MethodChoice />
    </section>
  )
}

function Guides() {
  const { guides } = setting.value
  const offered = offer.value?.guides ?? []
  if (offered.length === 0) return null
  return (
    <fieldset>
      <legend>Guides</legend>
      <p class="explain">
        Each tilts every next word: move one and watch the aligned answer change. Below zero steers away.
      </p>
      {offered.map(({ id, kind }) => (
        <WeightSlider
          key={id}
          name={id}
          hint={kinds[kind] ?? kind}
          weight={guides[id] ?? 0}
          onChange={(weight) => steer({ guides: { ...guides, [id]: weight } })}
        />
      ))}
    </fieldset>
  )
}

function Objectives() {
  const { objectives, method } = setting.value
  const offered = offer.value?.objectives ?? []
  if (offered.length === 0) return null
  return (
    <fieldset>
      <legend>Objectives</legend>
      <p class="explain">What you care about: a guide that tilts, and a reward that judges.</p>
      {offered.map(({ id, guide, reward }) => (
        <WeightSlider
          key={id}
          name={id}
          hint={hintOf({ guide, reward }, method)}
          weight={objectives[id] ?? 0}
          // the server refuses what would do nothing
          disabled={guide === undefined && method === 'sample'}
          onChange={(weight) => steer({ objectives: { ...objectives, [id]: weight } })}
        />
      ))}
    </fieldset>
  )
}

function hintOf({ guide, reward }: { guide: string | undefined; reward: string | undefined }, method: Method): string {
  if (guide === undefined && method === 'sample')
    return `Only judged, by ${reward}: choose best of N or particles below`
  return [guide && `tilts by ${guide}`, reward && `judged by ${reward}`].filter(Boolean).join(', ')
}

function Principle() {
  const { principle, principleWeight } = setting.value
  return (
    <fieldset>
      <legend>Principle</legend>
      <textarea
        aria-label="Principle in words"
        placeholder="Say it in words, such as: Answer in one short sentence."
        rows={2}
        value={principle}
        onInput={({ currentTarget }) => edit({ principle: currentTarget.value })}
        onKeyDown={runOnEnter}
        onChange={run}
      />
      <WeightSlider
        name="force"
        hint="Weight of the principle"
        weight={principleWeight}
        disabled={principle.trim() === ''}
        onChange={(weight) => steer({ principleWeight: weight })}
      />
    </fieldset>
  )
}
