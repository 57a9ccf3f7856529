import { useRef } from 'preact/hooks'
import type { Column } from '../state/column.ts'
import { heatOf, type TokenView } from '../state/token-view.ts'
import { heatGuide, type PickedToken, pick, picked } from '../state/view.ts'
import { percent, signed } from './number-text.ts'

interface Props {
  readonly side: PickedToken['side']
  readonly column: Column
}

/** The answer, each token a button; one of them is in the tab order, and the arrow keys move on. */
export function Tokens({ side, column }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const tokens = column.tokens.value
  const own = picked.value?.side === side ? picked.value.index : undefined
  const reachable = own !== undefined && own < tokens.length ? own : 0
  const move = (event: KeyboardEvent) => {
    // Enter and space press what has the focus, as they press a button
    const target = targetOf(event.key, reachable, tokens.length)
    if (target === undefined) return
    event.preventDefault()
    pick({ side, index: target })
    box.current?.querySelectorAll<HTMLElement>('.token')[target]?.focus()
  }
  return (
    <div class="tokens" ref={box} role="group" aria-label={`Words of the ${side} answer`} onKeyDown={move}>
      {tokens.map((token, index) => (
        <span
          key={index}
          role="button"
          class={classOf(token, own === index)}
          style={{ '--heat': String(strength(token)) }}
          tabIndex={index === reachable ? 0 : -1}
          aria-pressed={own === index}
          title={tellOf(token)}
          onClick={() => pick({ side, index })}
        >
          {token.text}
        </span>
      ))}
      {column.answer.value.status === 'streaming' ? <span class="cursor" aria-hidden="true" /> : null}
    </div>
  )
}

function targetOf(key: string, from: number, count: number): number | undefined {
  const targets: Readonly<Record<string, number>> = {
    ArrowRight: Math.min(from + 1, count - 1),
    ArrowLeft: Math.max(from - 1, 0),
    Home: 0,
    End: count - 1,
    Enter: from,
    ' ': from,
  }
  return targets[key]
}

function classOf(token: TokenView, isPicked: boolean): string {
  const heat = heatOf(token, heatGuide.value) ?? 0
  return ['token', heat > 0 ? 'raised' : heat < 0 ? 'lowered' : '', isPicked ? 'picked' : ''].filter(Boolean).join(' ')
}

/** 0 to 1; three nats (a factor of 20) are full heat, and the root lets a tenth of a nat show too. */
const strength = (token: TokenView): number => Math.sqrt(Math.min(1, Math.abs(heatOf(token, heatGuide.value) ?? 0) / 3))

function tellOf(token: TokenView): string {
  const heat = heatOf(token, heatGuide.value)
  return `${percent(token.logprob)}${heat === undefined ? '' : `, moved by ${signed(heat)} nats`}`
}
