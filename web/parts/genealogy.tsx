import { useSignal } from '@preact/signals'
import { genealogy, type LineageNode, type WireParticles } from '../state/genealogy.ts'
import { setting } from '../state/store.ts'
import { EssCurve } from './ess-curve.tsx'
import { heightOf, left, stepWidth, top, widthOf, xOf, yOf } from './lineage-layout.ts'
import { Nodes, tellOf } from './lineage-nodes.tsx'
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
