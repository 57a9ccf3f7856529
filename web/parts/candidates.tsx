import type { WireAlignment } from '../api/chat-stream.ts'
import { signed } from './number-text.ts'

type Chosen = Extract<WireAlignment, { candidates?: unknown }>

interface Props {
  readonly candidates: NonNullable<Chosen['candidates']>
  readonly bestOf: Chosen['best_of']
}

/** All candidates, the best first; what was pruned stays below, grey. */
export function Candidates({ candidates, bestOf }: Props) {
  const known = candidates.flatMap(({ score }) => (typeof score === 'number' ? [score] : []))
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const ranked = candidates.map((candidate, i) => ({ ...candidate, number: i + 1 })).sort(byRank)
  return (
    <div>
      <ol class="candidates">
        {ranked.map(({ number, text, score, tokens, pruned_at: pruned, chosen }) => (
          <li
            key={number}
            class={[chosen ? 'chosen' : '', pruned === undefined ? '' : 'pruned'].filter(Boolean).join(' ')}
          >
            <p class="rank">
              <b>{typeof score === 'number' ? signed(score, 3) : '−∞'}</b>
              <span
                class="bar steered"
                style={{ '--share': `${high > low ? (100 * ((score ?? low) - low)) / (high - low) : 100}%` }}
              />
              {chosen ? <span class="badge">chosen</span> : null}
              {pruned === undefined ? null : <span class="badge grey">dropped at {pruned}</span>}
            </p>
            <p class="candidate-text">{text}</p>
            <p class="facts">
              candidate {number} · {tokens} tokens
            </p>
          </li>
        ))}
      </ol>
      {bestOf === undefined ? null : (
        <p class="explain">
          Choosing the best of {bestOf.n} moved the law by about {bestOf.kl_estimate.toFixed(2)} nats (at most{' '}
          {bestOf.kl_bound.toFixed(2)}).
        </p>
      )}
    </div>
  )
}

interface Ranked {
  readonly chosen: boolean
  readonly score?: number | undefined
  readonly pruned_at?: number | undefined
}

/** The chosen one, then by score; those that were dropped, by how far they came. */
function byRank(a: Ranked, b: Ranked): number {
  const group = ({ chosen, pruned_at: pruned }: Ranked) => (chosen ? 0 : pruned === undefined ? 1 : 2)
  return group(a) - group(b) || (b.pruned_at ?? 0) - (a.pruned_at ?? 0) || (b.score ?? -1e9) - (a.score ?? -1e9)
}
