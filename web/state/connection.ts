import { signal } from '@preact/signals'
import type { AlignmentDescription } from '../../src/server/alignment-catalogue.ts'
import { getJson, Unreachable } from '../api/ask.ts'
import { ServerError } from '../api/server-error.ts'
import { apiKey } from './api-key.ts'

/** connecting: not asked yet. loading: it answers but cannot generate now. locked: it wants a key, or another one. away: nothing answers. */
export type Connection = 'connecting' | 'ready' | 'loading' | 'locked' | 'away'

export const connection = signal<Connection>('connecting')

/** Why it is locked. */
export const refusal = signal<ServerError | undefined>(undefined)

const lookMs = { ready: 5000, other: 1000 }

/** A server may come to know the key, or want none any more: every so many looks at a locked one it is asked again. */
const looksPerAsk = 6

/** Watches the server for as long as the page lives; whenever it has (again) become ready, tells what it offers. */
export async function watchServer(onReady: (offer: AlignmentDescription) => void): Promise<never> {
  let looksLocked = 0
  for (;;) {
    const found = await look()
    const before = connection.value
    const locked = found === 'ready' && before === 'locked'
    if (!locked) connection.value = found
    looksLocked = locked ? looksLocked + 1 : 0
    const due = locked ? looksLocked % looksPerAsk === 0 : found === 'ready' && before !== 'ready'
    if (due) await tellOffer(onReady)
    // connecting: another key was entered while the one before was asked about
    const settled = found === 'ready' && connection.value !== 'connecting'
    await pause(settled ? lookMs.ready : lookMs.other)
  }
}

/** Looks at once, because a request found nobody there. */
let hurry = () => {}
export function doubtServer(error: unknown): void {
  if (isRefusal(error)) lock(error)
  if (error instanceof Unreachable || (error instanceof ServerError && error.status === 503)) {
    connection.value = error instanceof Unreachable ? 'away' : 'loading'
    hurry()
  }
}

/** Presents another key, or none, and asks for what it opens. */
export function useKey(key: string): void {
  apiKey.value = key
  refusal.value = undefined
  connection.value = 'connecting'
  hurry()
}

const isRefusal = (error: unknown): error is ServerError => error instanceof ServerError && error.status === 401

function lock(error: ServerError): void {
  refusal.value = error
  connection.value = 'locked'
}

function unlock(): void {
  refusal.value = undefined
  connection.value = 'ready'
}

async function look(): Promise<Connection> {
  try {
    await getJson('/readyz', AbortSignal.timeout(4000))
    return 'ready'
  } catch (error) {
    return error instanceof ServerError ? 'loading' : 'away'
  }
}

async function tellOffer(onReady: (offer: AlignmentDescription) => void): Promise<void> {
  const asked = apiKey.value
  try {
    const found = await getJson<AlignmentDescription>('/v1/alignment', AbortSignal.timeout(4000))
    // another key was entered meanwhile, which is not asked about yet
    if (apiKey.value !== asked) return
    unlock()
    onReady(found)
  } catch (error) {
    if (apiKey.value !== asked) return
    if (isRefusal(error)) return lock(error)
    // it went away again between two questions: the next look sees it
    connection.value = 'away'
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    hurry = () => {
      clearTimeout(timer)
      setTimeout(resolve, lookMs.other / 4)
    }
  })
}
