import { signal } from '@preact/signals'
import type { AlignmentDescription } from '../../src/server/alignment-catalogue.ts'
import { getJson, Unreachable } from '../api/ask.ts'
import { ServerError } from '../api/server-error.ts'

/** connecting: not asked yet. loading: it answers but cannot generate now. away: nothing answers. */
export type Connection = 'connecting' | 'ready' | 'loading' | 'away'

export const connection = signal<Connection>('connecting')

const lookMs = { ready: 5000, other: 1000 }

/** Watches the server for as long as the page lives; whenever it has (again) become ready, tells what it offers. */
export async function watchServer(onReady: (offer: AlignmentDescription) => void): Promise<never> {
  for (;;) {
    const before = connection.value
    connection.value = await look()
    if (connection.value === 'ready' && before !== 'ready') await tellOffer(onReady)
    await pause(connection.value === 'ready' ? lookMs.ready : lookMs.other)
  }
}

/** Looks at once, because a request found nobody there. */
let hurry = () => {}
export function doubtServer(error: unknown): void {
  if (error instanceof Unreachable || (error instanceof ServerError && error.status === 503)) {
    connection.value = error instanceof Unreachable ? 'away' : 'loading'
    hurry()
  }
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
  try {
    onReady(await getJson<AlignmentDescription>('/v1/alignment', AbortSignal.timeout(4000)))
  } catch {
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
