import { aligned } from '../state/store.ts'
import { lift, type OptionView, pushes, type TokenView } from '../state/token-view.ts'
import { picked, pickedToken } from '../state/view.ts'
import { shortened } from './heat-choice.tsx'
import { percent, readable, signed } from './number-text.ts'

/** Why this word, and not another. */
export function Inspector() {
  const token = pickedToken.value
  if (token === undefined) {
    return (
      <p class="empty">
        Click a word of an answer: its probability alone and steered, what each guide added, and the words that lost.
      </p>
    )
  }
  const guides = Object.keys(token.pulls)
  const moved = lift(token)
  return (
    <div class="inspector">
      <p class="verdict">
        <b class="word">{readable(token.text)}</b>
        {moved === undefined ? <Plain token={token} /> : <Moved token={token} moved={moved} />}
      </p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Words that could have come here">
        <Options token={token} guides={guides} />
      </div>
      <Reading guides={guides} />
    </div>
  )
}

function Plain({ token }: { readonly token: TokenView }) {
  const waits = picked.value?.side === 'aligned' && aligned.busy.value
  return (
    <span>
      was drawn with <b>{percent(token.logprob)}</b>
      {waits ? '; what the guides said of it comes with the end of the answer' : ''}
    </span>
  )
}

function Moved({ token, moved }: { readonly token: TokenView; readonly moved: number }) {
  const factor = Math.exp(Math.abs(moved))
  const times = factor < 10 ? factor.toFixed(1) : Math.round(factor).toLocaleString('en')
  const changed = Math.abs(moved) < 0.05
  return (
    <span>
      alone <b>{percent(token.baseLogprob ?? Number.NaN)}</b>, steered <b>{percent(token.logprob)}</b>:{' '}
      {changed ? (
        'the guides left it as it was'
      ) : (
        <b class={moved > 0 ? 'up' : 'down'}>{`${times} times ${moved > 0 ? 'likelier' : 'less likely'}`}</b>
      )}
    </span>
  )
}

interface OptionsProps {
  readonly token: TokenView
  readonly guides: readonly string[]
}

function Options({ token, guides }: OptionsProps) {
  const traced = token.baseLogprob !== undefined
  const byGuide = guides.map((guide) => pushes(token.options, guide))
  return (
    <table class="options-table">
      <caption class="visually-hidden">The words that could have come here, most likely first</caption>
      <thead>
        <tr>
          <th scope="col">word</th>
          {traced ? <th scope="col">base alone</th> : null}
          <th scope="col">{traced ? 'steered' : 'probability'}</th>
          {guides.map((guide) => (
            <th scope="col" key={guide} title={guide}>
              {shortened(guide)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {token.options.map((option, i) => (
          <tr key={i} class={option.drawn ? 'drawn' : ''}>
            <th scope="row">
              <span class="word">{readable(option.text)}</span>
              {option.drawn ? <span class="badge">drawn</span> : null}
            </th>
            {traced ? <Share logprob={option.baseLogprob} kind="plain" /> : null}
            <Share logprob={option.logprob} kind="steered" />
            {guides.map((guide, k) => (
              <Push key={guide} value={byGuide[k]?.[i]} raw={option.pulls[guide]} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Share({ logprob, kind }: { readonly logprob: OptionView['baseLogprob']; readonly kind: string }) {
  if (logprob === undefined) return <td>–</td>
  return (
    <td>
      <span class={`bar ${kind}`} style={{ '--share': `${Math.exp(logprob) * 100}%` }}>
        {percent(logprob)}
      </span>
    </td>
  )
}

function Push({ value, raw }: { readonly value: number | undefined; readonly raw: number | undefined }) {
  if (value === undefined) return <td>–</td>
  const strength = Math.min(50, (Math.abs(value) / 6) * 50)
  return (
    <td>
      <span
        class={`push ${value < 0 ? 'down' : 'up'}`}
        style={{ '--push': `${strength}%` }}
        title={raw === undefined ? '' : `weight × what it said: ${signed(raw)} nats`}
      >
        {signed(value, 1)}
      </span>
    </td>
  )
}

function Reading({ guides }: { readonly guides: readonly string[] }) {
  if (guides.length === 0) return null
  return (
    <p class="explain">
      A guide's column says how many nats more it wanted this word than the words here on average. Added to the base's
      log-probability and normalised they make the steered one.
    </p>
  )
}
