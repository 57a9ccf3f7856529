import type { ComponentChildren } from 'preact'
import type { Answer } from '../state/answer.ts'
import type { Column } from '../state/column.ts'
import { ErrorNote } from './error-note.tsx'
import { milliseconds } from './number-text.ts'
import { Tokens } from './tokens.tsx'

interface Props {
  readonly side: 'base' | 'aligned'
  readonly title: string
  readonly column: Column
  readonly children?: ComponentChildren
}

export function AnswerColumn({ side, title, column, children }: Props) {
  const answer = column.answer.value
  const { status, progress, error } = answer
  return (
    <article class={`answer card ${side} ${status}`} aria-label={`${title} answer`} aria-busy={column.busy.value}>
      <header>
        <h2>{title}</h2>
        <p class="facts">{facts(answer, side)}</p>
        {children}
      </header>
      {status === 'failed' ? <ErrorNote error={error} /> : <Tokens side={side} column={column} />}
      {progress === '' || !column.busy.value ? null : (
        <p class="progress" role="status">
          {progress}
        </p>
      )}
    </article>
  )
}

function facts({ status, tokens, alignment, wholeMs, finishReason }: Answer, side: Props['side']): string {
  if (status === 'empty') return ''
  if (status === 'waiting') return 'asking'
  if (status === 'streaming') return `${tokens.length} tokens`
  if (status === 'stopped') return 'stopped'
  if (status === 'failed') return ''
  const count = `${tokens.length} tokens`
  const drawn = alignment?.tokens.generated ?? 0
  const cost = side === 'aligned' && drawn > tokens.length + 1 ? `of ${drawn} drawn` : ''
  const cut = finishReason === 'length' ? 'cut at its limit' : ''
  const method = side === 'aligned' ? (alignment?.method ?? 'nothing steers it yet').replaceAll('_', '-') : ''
  return [method, [count, cost].filter(Boolean).join(' '), wholeMs === undefined ? '' : milliseconds(wholeMs), cut]
    .filter(Boolean)
    .join(' · ')
}
