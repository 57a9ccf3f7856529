import type { LineageNode } from '../state/genealogy.ts'
import { xOf, yOf } from './lineage-layout.ts'

interface NodesProps {
  readonly nodes: readonly LineageNode[]
  readonly current: LineageNode | undefined
  readonly onShow: (node: LineageNode) => void
}

/** Every particle at every checkpoint, with its reward; the arrow keys go from one to the next. */
export function Nodes({ nodes, current, onShow }: NodesProps) {
  const steps = 1 + Math.max(...nodes.map(({ step }) => step))
  const known = nodes.flatMap(({ reward }) => (typeof reward === 'number' ? [reward] : []))
  const [low, high] = [Math.min(...known), Math.max(...known)]
  const share = (reward: number) => (high > low ? (reward - low) / (high - low) : 1)
  const move = (event: KeyboardEvent, { step, slot }: LineageNode) => {
    const [dx, dy] = arrows[event.key] ?? [0, 0]
    const next = nodes.find((node) => node.step === step + dx && node.slot === slot + dy)
    if (next === undefined || (dx === 0 && dy === 0)) return
    event.preventDefault()
    onShow(next)
    const svg = event.currentTarget instanceof Element ? event.currentTarget.closest('svg') : null
    svg?.querySelector<SVGElement>(`[data-node="${next.step}-${next.slot}"]`)?.focus()
  }
  return (
    <>
      {nodes.map((node) => (
        <g
          key={`${node.step}-${node.slot}`}
          data-node={`${node.step}-${node.slot}`}
          class={`node ${node.streamed ? 'streamed' : ''} ${node.lost ? 'lost' : ''} ${node === current ? 'current' : ''}`}
          style={{ '--reward': `${typeof node.reward === 'number' ? share(node.reward) * 100 : 0}%` }}
          role="button"
          // in SVG the names of attributes have cases
          tabindex={node === current ? 0 : -1}
          aria-label={tellOf(node)}
          onClick={() => onShow(node)}
          onKeyDown={(event) => move(event, node)}
        >
          <circle cx={xOf(node.step, steps)} cy={yOf(node.slot)} r={9} />
          <text x={xOf(node.step, steps) + 14} y={yOf(node.slot) - 6}>
            {rewardText(node)}
          </text>
        </g>
      ))}
    </>
  )
}

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowDown: [0, 1],
  ArrowUp: [0, -1],
}

function rewardText({ reward }: LineageNode): string {
  if (reward === undefined) return ''
  return reward === null ? '−∞' : reward.toFixed(2)
}

/** A particle in words. */
export function tellOf(node: LineageNode): string {
  const fate = node.streamed ? ', on the way to the answer' : node.lost ? ', given up' : ''
  return `Checkpoint ${node.step + 1}, particle ${node.slot + 1}: reward ${rewardText(node) || 'unknown'}${fate}`
}
