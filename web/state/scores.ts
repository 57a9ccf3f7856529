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

/** Rewards that the configuration's objectives name: what somebody cares about. */
const judges = computed(() => [...new Set(offer.value?.objectives.flatMap(({ reward }) => reward ?? []))])

let asking = new AbortController()

/** Judges whatever both columns hold, as soon as both are complete. */
export function keepScores(): void {
  effect(() => {
    const [plain, steered] = [base.answer.value, aligned.answer.value]
    asking.abort()
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
        return { reward, base: undefined, aligned: undefined, problem: String(error) }
      }
    }),
  )
  if (!signal.aborted) scores.value = found
}
