import { computed, type Signal, useSignal } from '@preact/signals'
import { offer, setting, steer } from '../state/store.ts'
import { Sweep, type SweepPlan, withWeight } from '../state/sweep.ts'
import { ErrorNote } from './error-note.tsx'
import { NumberField } from './number-field.tsx'
import { signed } from './number-text.ts'
import { SelectField } from './select-field.tsx'
import { SweepPlot } from './sweep-plot.tsx'

const sweep = new Sweep()

/** What can be swept: guides, objectives that tilt, and the principle if there is one. */
const knobs = computed((): [value: string, title: string][] => [
  ...(offer.value?.guides ?? []).map(({ id }): [string, string] => [`guides/${id}`, id]),
  ...(offer.value?.objectives ?? [])
    .filter(({ guide }) => guide !== undefined)
    .map(({ id }): [string, string] => [`objectives/${id}`, `objective ${id}`]),
  ...(setting.value.principle.trim() === '' ? [] : [['principle/', 'the principle'] as [string, string]]),
])

type Range = Pick<SweepPlan, 'from' | 'to' | 'points' | 'answers'>

export function SweepPanel() {
  const knob = useSignal('')
  const reward = useSignal('')
  const range = useSignal<Range>({ from: -1, to: 2, points: 13, answers: 8 })
  const swept = useSignal<{ readonly plan: SweepPlan; readonly title: string } | undefined>(undefined)
  const chosen = knobs.value.find(([id]) => id === knob.value) ?? knobs.value[0]
  const judge = reward.value === '' ? fittingReward(chosen?.[1]) : reward.value
  if (chosen === undefined || judge === undefined) {
    return <p class="empty">A sweep needs something to turn and a reward to judge by; this server has not both.</p>
  }
  const [id, title] = chosen
  const start = () => {
    const [kind, name] = id.split('/') as [SweepPlan['knob'], string]
    const plan = { knob: kind, name, reward: judge, ...range.value }
    swept.value = { plan, title }
    void sweep.run(setting.value, plan)
  }
  const running = sweep.state.value === 'running'
  return (
    <div class="sweep">
      <div class="options">
        <SelectField
          label="Turn"
          value={id}
          options={knobs.value}
          onChange={(value) => {
            knob.value = value
          }}
        />
        <SelectField
          label="judge by"
          value={judge}
          options={(offer.value?.rewards ?? []).map((one) => [one.id, one.id] as const)}
          onChange={(value) => {
            reward.value = value
          }}
        />
        <RangeFields range={range} />
        <button type="button" class="main" onClick={running ? () => sweep.stop() : start}>
          {running ? 'Stop sweep' : 'Sweep'}
        </button>
      </div>
      {sweep.state.value === 'failed' ? <ErrorNote error={sweep.error.value} /> : null}
      {swept.value === undefined ? (
        <p class="empty">
          A sweep turns one slider from end to end, asks for several answers at each weight, and draws what a reward
          says of them.
        </p>
      ) : (
        <SweepResult plan={swept.value.plan} title={swept.value.title} />
      )}
    </div>
  )
}

function RangeFields({ range }: { readonly range: Signal<Range> }) {
  const change = (more: Partial<Range>) => {
    range.value = { ...range.value, ...more }
  }
  const { from, to, points, answers } = range.value
  const most = offer.value?.limits.max_n ?? 32
  return (
    <>
      <NumberField
        label="from"
        value={from}
        least={-10}
        most={10}
        step={0.25}
        onChange={(value) => change({ from: value })}
      />
      <NumberField
        label="to"
        value={to}
        least={-10}
        most={10}
        step={0.25}
        onChange={(value) => change({ to: value })}
      />
      <NumberField label="points" value={points} least={2} most={50} onChange={(value) => change({ points: value })} />
      <NumberField
        label="answers each"
        value={answers}
        least={1}
        most={most}
        onChange={(value) => change({ answers: value })}
      />
    </>
  )
}

function SweepResult({ plan, title }: { readonly plan: SweepPlan; readonly title: string }) {
  const points = sweep.points.value
  const current = useSignal(-1)
  const point = points[current.value] ?? points.at(-1)
  return (
    <div class="sweep-result">
      <SweepPlot
        points={points}
        plan={plan}
        title={title}
        onPoint={(index) => {
          current.value = index
        }}
      />
      {point === undefined ? null : (
        <p class="sweep-sample" aria-live="polite">
          <span class="facts">
            weight {point.weight}: {plan.reward} {signed(point.mean)} ± {point.error.toFixed(2)}, such as
          </span>
          <br />
          {point.sample}{' '}
          <button type="button" class="quiet" onClick={() => steer(withWeight(setting.value, plan, point.weight))}>
            Set this weight
          </button>
        </p>
      )}
    </div>
  )
}

/** The reward of an objective that this guide serves, or the first there is. */
function fittingReward(title: string | undefined): string | undefined {
  const name = title?.replace(/^objective /, '')
  const objective = offer.value?.objectives.find(({ id, guide }) => id === name || guide === name)
  const serves: Readonly<Record<string, string>> = { reasoner: 'sound-steps' }
  const known = offer.value?.rewards.find(({ id }) => id === serves[name ?? ''])?.id
  return objective?.reward ?? known ?? offer.value?.rewards[0]?.id
}
