import { computed, effect, signal } from '@preact/signals'
import { postJson } from '../api/ask.ts'
import { aligned, base, offer, setting } from './store.ts'
import { baseRequest } from './to-request.ts'

/** What a reward says of both answers; undefined while it is asked, and the reason where it could not judge. */
export interface Score {
  readonly reward: string
  readonly base: number | undefined
  readonly aligned: number | undefined
  readonly problem: string | undefined
}

/** Body of POST /v1/rewards' reply, as far as the page reads it. */
export interface RewardReply {
  readonly data: readonly { readonly score: number | null }[]
}

export const scores = signal<readonly Score[]>([])

/** The scores are of answers that are no longer shown. */
export const stale = signal(false)

/** Rewards of what is steered for now: of the objectives whose slider, or whose guide's, is moved, and of the method. */
export const aims = computed((): ReadonlySet<string> => {
  const { guides, objectives, method, bestOf, particles } = setting.value
  const moved = offer.value?.objectives.filter(
    ({ id, guide }) => (objectives[id] ?? 0) !== 0 || (guide !== undefined && (guides[guide] ?? 0) !== 0),
  )
  const judging = method === 'best_of' ? bestOf.reward : method === 'particles' ? particles.reward : ''
  return new Set([...(moved?.flatMap(({ reward }) => reward ?? []) ?? []), judging])
})

/** Rewards that the configuration's objectives name: what somebody cares about. */
const judges = computed(() => {
  const named = offer.value?.objectives.flatMap(({ reward }) => reward ?? []) ?? []
  return [...new Set([...named, ...aims.value])].filter((reward) => reward !== '')
})

let asking = new AbortController()

/** Judges whatever both columns hold, as soon as both are complete. */
export function keepScores(): void {
  effect(() => {
    const [plain, steered] = [base.answer.value, aligned.answer.value]
    asking.abort()
    stale.value = true
    if (plain.status !== 'done' || steered.status !== 'done') return
    asking = new AbortController()
    void judge([plain.text, steered.text], judges.value, asking.signal)
  })
}

async function judge(responses: readonly string[], rewards: readonly string[], signal: AbortSignal): Promise<void> {
  const { messages } = baseRequest(setting.peek())
  const found = await Promise.all(
    rewards.map(async (reward): Promise<Score> => {
      try {
        const { data } = await postJson<RewardReply>('/v1/rewards', { reward, messages, responses }, signal)
        const [plain, steered] = data.map(({ score }) => score ?? Number.NEGATIVE_INFINITY)
        return { reward, base: plain, aligned: steered, problem: undefined }
      } catch (error) {
        return {
          reward,
          base: undefined,
          aligned: undefined,
          problem: error instanceof Error ? error.message : String(error),
        }
      }
    }),
  )
  if (signal.aborted) return
  scores.value = found
  stale.value = false
}
