import { useRef } from 'preact/hooks'
import { setting } from '../state/store.ts'
import { type Panel, panel, panels } from '../state/view.ts'
import { CodePanel } from './code-panel.tsx'
import { Inspector } from './inspector.tsx'
import { Population } from './population.tsx'
import { SweepPanel } from './sweep-panel.tsx'

const titles: Readonly<Record<Panel, () => string>> = {
  inspector: () => 'Word',
  population: () => (setting.value.method === 'best_of' ? 'Candidates' : 'Particles'),
  sweep: () => 'Sweep',
  code: () => 'Code',
}

export function Panels() {
  const bar = useRef<HTMLDivElement>(null)
  const shown = panels.filter((one) => one !== 'population' || setting.value.method !== 'sample')
  const current = shown.includes(panel.value) ? panel.value : 'inspector'
  const move = ({ key }: KeyboardEvent) => {
    const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    const index = (shown.indexOf(current) + step + shown.length) % shown.length
    panel.value = shown[index]!
    bar.current?.querySelectorAll('button')[index]?.focus()
  }
  return (
    <section class="panels card" aria-label="A closer look">
      <div class="tabs" role="tablist" aria-label="A closer look" ref={bar} onKeyDown={move}>
        {shown.map((one) => (
          <button
            key={one}
            type="button"
            role="tab"
            id={`tab-${one}`}
            aria-selected={one === current}
            aria-controls="panel"
            tabIndex={one === current ? 0 : -1}
            onClick={() => {
              panel.value = one
            }}
          >
            {titles[one]()}
          </button>
        ))}
      </div>
      <div id="panel" role="tabpanel" aria-labelledby={`tab-${current}`}>
        {current === 'inspector' ? <Inspector /> : null}
        {current === 'population' ? <Population /> : null}
        {current === 'sweep' ? <SweepPanel /> : null}
        {current === 'code' ? <CodePanel /> : null}
      </div>
    </section>
  )
}
