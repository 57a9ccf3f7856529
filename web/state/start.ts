import { effect } from '@preact/signals'
import type { AlignmentDescription } from '../../src/server/alignment-catalogue.ts'
import { connection, doubtServer, watchServer } from './connection.ts'
import { fittingExamples } from './examples.ts'
import { fromHash, toHash } from './permalink.ts'
import { aligned, base, edit, notice, offer, run, setting } from './store.ts'

/** Brings the page to life: the setting of the address, then the first answers, and both kept up to date. */
export function start(): void {
  readAddress()
  addEventListener('hashchange', () => {
    if (location.hash.slice(1) === toHash(setting.value)) return
    readAddress()
    run()
  })
  effect(writeAddress)
  // each on its own: the failure of one is no news when the other changes
  for (const { answer } of [base, aligned])
    effect(() => {
      if (answer.value.status === 'failed') doubtServer(answer.value.error)
    })
  void watchServer(welcome)
}

/** The server is there: what can be chosen is known, and whatever waited for it is asked. */
function welcome(found: AlignmentDescription): void {
  const first = offer.value === undefined
  offer.value = found
  const { model, prompt } = setting.value
  const usable = found.models.find(({ steerable, chat }) => steerable && chat !== false) ?? found.models[0]
  if (model === '') edit({ model: usable?.id ?? '' })
  if (first && prompt === '') edit(fittingExamples(found)[0]?.setting ?? {})
  if (first || [base, aligned].some(({ answer }) => answer.value.status === 'failed')) run()
}

function readAddress(): void {
  const { setting: linked, wrong } = fromHash(location.hash)
  const model = linked.model === '' ? setting.value.model : linked.model
  setting.value = { ...linked, model }
  notice.value =
    wrong.length === 0 ? '' : `The link says something unreadable about ${wrong.join(', ')}, which is left out.`
}

let writing: ReturnType<typeof setTimeout> | undefined

/** Browsers refuse too many changes of the address in a short time, and a drag makes many. */
function writeAddress(): void {
  const hash = toHash(setting.value)
  clearTimeout(writing)
  if (connection.peek() === 'connecting') return
  writing = setTimeout(() => history.replaceState(null, '', hash === '' ? location.pathname : `#${hash}`), 150)
}
