import { checkpoints, type Method, methods, selections } from '../state/setting.ts'
import { offer, setting, steer } from '../state/store.ts'
import { panel } from '../state/view.ts'
import { NumberField } from './number-field.tsx'
import { PruneField } from './prune-field.tsx'
import { SelectField } from './select-field.tsx'

const titles: Readonly<Record<Method, string>> = { sample: 'One answer', best_of: 'Best of N', particles: 'Particles' }

const explained: Readonly<Record<Method, string>> = {
  sample: 'One answer, drawn word by word.',
  best_of: 'N whole answers; a reward chooses one.',
  particles: 'N answers grow together; a reward lets the promising ones multiply.',
}

export function MethodChoice() {
  const { method } = setting.value
  return (
    <fieldset>
      <legend>Whole answers</legend>
      <div class="segments">
        {methods.map((one) => (
          <label key={one} class={one === method ? 'segment on' : 'segment'}>
            <input type="radio" name="method" checked={one === method} onChange={() => choose(one)} />
            {titles[one]}
          </label>
        ))}
      </div>
      <p class="explain">{explained[method]}</p>
      {method === 'best_of' ? <BestOfOptions /> : null}
      {method === 'particles' ? <ParticleOptions /> : null}
    </fieldset>
  )
}

/** What stands behind an answer is of interest as soon as there is something. */
function choose(method: Method): void {
  if (method !== 'sample') panel.value = 'population'
  steer(chosen(method))
}

/** A method that judges starts with a reward, unless the objectives bring one. */
function chosen(method: Method) {
  const { bestOf, particles, objectives } = setting.value
  const preferred = Object.values(objectives).some((weight) => weight !== 0)
  const first =
    offer.value?.objectives.find(({ reward }) => reward !== undefined)?.reward ?? offer.value?.rewards[0]?.id
  const reward = preferred ? '' : (first ?? '')
  if (method === 'best_of' && bestOf.reward === '') return { method, bestOf: { ...bestOf, reward } }
  if (method === 'particles' && particles.reward === '') return { method, particles: { ...particles, reward } }
  // an objective that only has a reward is of no use to a plain sample
  return method === 'sample' ? { method, objectives: tilting(objectives) } : { method }
}

function tilting(objectives: Readonly<Record<string, number>>) {
  const known = offer.value?.objectives ?? []
  return Object.fromEntries(
    Object.entries(objectives).filter(([name]) => known.some(({ id, guide }) => id === name && guide !== undefined)),
  )
}

function BestOfOptions() {
  const { bestOf } = setting.value
  const change = (more: Partial<typeof bestOf>) => steer({ bestOf: { ...bestOf, ...more } })
  return (
    <div class="options">
      <NumberField label="Candidates" value={bestOf.n} least={1} most={128} onChange={(n) => change({ n })} />
      <RewardField value={bestOf.reward} onChange={(reward) => change({ reward })} />
      <SelectField
        label="Choose"
        value={bestOf.select}
        options={
          selections.map((id) => [id, id === 'best' ? 'the best' : 'softly']) as [typeof bestOf.select, string][]
        }
        onChange={(select) => change({ select })}
      />
      <PruneField lengths={bestOf.pruneAt} onChange={(pruneAt) => change({ pruneAt })} />
    </div>
  )
}

function ParticleOptions() {
  const { particles } = setting.value
  const change = (more: Partial<typeof particles>) => steer({ particles: { ...particles, ...more } })
  return (
    <div class="options">
      <NumberField label="Particles" value={particles.n} least={1} most={128} onChange={(n) => change({ n })} />
      <RewardField value={particles.reward} onChange={(reward) => change({ reward })} />
      <NumberField
        label="Lambda"
        value={particles.lambda}
        least={-10_000}
        most={10_000}
        step={0.5}
        onChange={(lambda) => change({ lambda })}
      />
      <NumberField
        label="Judge every"
        value={particles.every}
        least={1}
        most={1e6}
        onChange={(every) => change({ every })}
      />
      <SelectField
        label="Unit"
        value={particles.at}
        options={
          checkpoints.map((id) => [id, id === 'tokens' ? 'tokens' : 'sentences']) as [typeof particles.at, string][]
        }
        onChange={(at) => change({ at, every: at === 'tokens' ? 8 : 1 })}
      />
      <NumberField
        label="Resample below"
        value={particles.threshold}
        least={0}
        most={2}
        step={0.1}
        onChange={(threshold) => change({ threshold })}
      />
    </div>
  )
}

function RewardField({ value, onChange }: { readonly value: string; readonly onChange: (reward: string) => void }) {
  const rewards = offer.value?.rewards ?? []
  const options: [string, string][] = [
    ['', 'of the objectives'],
    ...rewards.map(({ id }): [string, string] => [id, id]),
  ]
  return <SelectField label="Reward" value={value} options={options} onChange={onChange} />
}
