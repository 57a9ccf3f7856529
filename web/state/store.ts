import { computed, signal } from '@preact/signals'
import type { AlignmentDescription } from '../../src/server/alignment-catalogue.ts'
import { Column } from './column.ts'
import { type Setting, startSetting } from './setting.ts'
import { alignedRequest, baseRequest } from './to-request.ts'

/** What the server offers; undefined until it has been asked. */
export const offer = signal<AlignmentDescription | undefined>(undefined)

export const setting = signal<Setting>(startSetting)

export const base = new Column()
export const aligned = new Column()

export const busy = computed(() => base.busy.value || aligned.busy.value)

/** What the page has to say besides the answers, such as about a link that is partly wrong. */
export const notice = signal('')

/** Changes the setting and asks again at once. */
export function steer(change: Partial<Setting>): void {
  edit(change)
  run()
}

/** Changes the setting only, as while text is typed. */
export function edit(change: Partial<Setting>): void {
  setting.value = { ...setting.value, ...change }
}

// A drag makes more events than a server should be asked: one request per this many milliseconds, the last one always.
const pace = 60
let waiting: ReturnType<typeof setTimeout> | undefined
let lastRun = Number.NEGATIVE_INFINITY

/** Asks for both answers, as often as the pace allows. */
export function run(): void {
  if (waiting !== undefined) return
  const rest = lastRun + pace - performance.now()
  if (rest <= 0) runNow()
  else waiting = setTimeout(runNow, rest)
}

function runNow(): void {
  waiting = undefined
  lastRun = performance.now()
  const { value } = setting
  if (value.model === '' || value.prompt.trim() === '') return
  // The same request and seed are the same answer to the bit, so the base is only asked when its own part changed.
  base.askUnlessAnswered(baseRequest(value))
  void aligned.ask(alignedRequest(value))
}

export function stop(): void {
  clearTimeout(waiting)
  waiting = undefined
  base.stop()
  aligned.stop()
}
