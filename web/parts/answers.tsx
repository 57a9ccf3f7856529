import { aims, scores, stale } from '../state/scores.ts'
import { aligned, base } from '../state/store.ts'
import { AnswerColumn } from './answer-column.tsx'
import { HeatChoice } from './heat-choice.tsx'
import { signed } from './number-text.ts'

export function Answers() {
  return (
    <section class="answers" aria-label="Answers">
      <AnswerColumn side="base" title="Base" column={base} />
      <AnswerColumn side="aligned" title="Aligned" column={aligned}>
        <HeatChoice />
      </AnswerColumn>
      <Legend />
      <Scores />
    </section>
  )
}

/** Only where a guide was at work is there anything to read off colours. */
function Legend() {
  const { alignment, previous } = aligned.answer.value
  if (Object.keys((alignment ?? previous)?.trace?.weights ?? {}).length === 0) return null
  return (
    <p class="legend">
      <span class="token raised">likelier</span> and <span class="token lowered">less likely</span> than under the base
      alone; click a word to see why
    </p>
  )
}

/** What the rewards say of both. */
function Scores() {
  if (scores.value.length === 0) return null
  return (
    <table class={`scores card${stale.value ? ' stale' : ''}`}>
      <caption>Rewards of the two answers</caption>
      <thead>
        <tr>
          <th scope="col">reward</th>
          <th scope="col">base</th>
          <th scope="col">aligned</th>
          <th scope="col">change</th>
        </tr>
      </thead>
      <tbody>
        {scores.value.map(({ reward, base: plain, aligned: steered, problem }) => {
          if (problem !== undefined) return <Unjudged key={reward} reward={reward} problem={problem} />
          const change = (steered ?? 0) - (plain ?? 0)
          return (
            <tr key={reward} class={aims.value.has(reward) ? 'aim' : ''}>
              <th scope="row">{reward}</th>
              <td>{plain === undefined ? '' : signed(plain)}</td>
              <td>{steered === undefined ? '' : signed(steered)}</td>
              <td class={Math.abs(change) < 0.005 ? '' : change > 0 ? 'up' : 'down'}>{signed(change)}</td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function Unjudged({ reward, problem }: { readonly reward: string; readonly problem: string }) {
  return (
    <tr>
      <th scope="row">{reward}</th>
      <td class="unjudged" colSpan={3}>
        {problem}
      </td>
    </tr>
  )
}
