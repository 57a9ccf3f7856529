import { useSignal } from '@preact/signals'
import { genealogy, type LineageNode, type WireParticles } from '../state/genealogy.ts'
import { setting } from '../state/store.ts'
import { EssCurve } from './ess-curve.tsx'
import { heightOf, left, stepWidth, top, widthOf, xOf, yOf } from './lineage-layout.ts'
import { signed } from './number-text.ts'

type Particles = NonNullable<WireParticles>

/** The family tree of a particle run: who went on from whom, how each was judged, and which line became the answer. */
export function Genealogy({ particles }: { readonly particles: Particles }) {
  const tree = genealogy(particles)
  const nodes = tree.flat()
  const shown = useSignal<Pick<LineageNode, 'step' | 'slot'> | undefined>(undefined)
  const node =
    nodes.find(({ step, slot }) => step === shown.value?.step && slot === shown.value.slot) ??
    nodes.findLast(({ streamed }) => streamed)
  const { steps, n, log_z: logZ } = particles
  const resamplings = steps.filter(({ resampled }) => resampled).length
  return (
    <div class="genealogy">
      <p class="facts">
        {n} particles · {steps.length} checkpoints · resampled {resamplings} times
        {typeof logZ === 'number' ? ` · log Z ${signed(logZ)}` : ''}
      </p>
      <div class="scroll">
        <svg
          width={widthOf(steps.length)}
          height={heightOf(n)}
          role="group"
          aria-label={`Family tree of ${n} particles over ${steps.length} checkpoints`}
        >
          <Checkpoints steps={steps} n={n} />
          <Lines tree={tree} n={n} />
          <Nodes
            nodes={nodes}
            current={node}
            onShow={(one) => {
              shown.value = { step: one.step, slot: one.slot }
            }}
          />
          <EssCurve steps={steps} n={n} threshold={setting.value.particles.threshold} />
        </svg>
      </div>
      {node === undefined ? null : <NodeText node={node} />}
    </div>
  )
}

function Checkpoints({ steps, n }: { readonly steps: Particles['steps']; readonly n: number }) {
  return (
    <>
      {steps.map(({ tokens, resampled }, j) => (
        <g key={tokens} class={resampled ? 'checkpoint resampled' : 'checkpoint'}>
          <line x1={xOf(j, steps.length)} x2={xOf(j, steps.length)} y1={top - 14} y2={yOf(n - 1) + 14} />
          <text x={xOf(j, steps.length)} y={18}>
            {tokens} tokens
          </text>
          {resampled ? (
            <text class="event" x={xOf(j, steps.length) + stepWidth(steps.length) / 2} y={34}>
              resampled
            </text>
          ) : null}
        </g>
      ))}
    </>
  )
}

function Lines({ tree, n }: { readonly tree: readonly (readonly LineageNode[])[]; readonly n: number }) {
  const lines = tree.flatMap((step, j) =>
    step.map((node) => {
      const from =
        node.parent === undefined
          ? { x: left, y: yOf((n - 1) / 2) }
          : { x: xOf(j - 1, tree.length), y: yOf(node.parent) }
      return { node, from, to: { x: xOf(j, tree.length), y: yOf(node.slot) } }
    }),
  )
  // The answer's own line last, so that it lies on top.
  return (
    <>
      {lines
        .sort((a, b) => Number(a.node.streamed) - Number(b.node.streamed))
        .map(({ node, from, to }) => (
          <path
            key={`${node.step}-${node.slot}`}
            class={node.streamed ? 'line streamed' : node.lost ? 'line lost' : 'line'}
            d={`M${from.x} ${from.y}C${(from.x + to.x) / 2} ${from.y} ${(from.x + to.x) / 2} ${to.y} ${to.x} ${to.y}`}
          />
        ))}
      <circle class="root" cx={left} cy={yOf((n - 1) / 2)} r={5} />
    </>
  )
}

interface NodesProps {
  readonly nodes: readonly LineageNode[]
  readonly current: LineageNode | undefined
  readonly onShow: (node: LineageNode) => void
}

function Nodes({ nodes, current, onShow }: NodesProps) {
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

function tellOf(node: LineageNode): string {
  const fate = node.streamed ? ', on the way to the answer' : node.lost ? ', given up' : ''
  return `Checkpoint ${node.step + 1}, particle ${node.slot + 1}: reward ${rewardText(node) || 'unknown'}${fate}`
}

function NodeText({ node }: { readonly node: LineageNode }) {
  const past = node.text.slice(0, node.text.length - node.fresh.length)
  return (
    <p class="node-text" aria-live="polite">
      <span class="facts">{tellOf(node)}</span>
      <br />
      <span class="past">{past}</span>
      <mark>{node.fresh}</mark>
    </p>
  )
}
