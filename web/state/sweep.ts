import { signal } from '@preact/signals'
import { postJson } from '../api/ask.ts'
import type { RewardReply } from './scores.ts'
import type { Setting } from './setting.ts'
import { alignedRequest, baseRequest } from './to-request.ts'

export type Knob = 'guides' | 'objectives' | 'principle'

/** What is swept over, and what it is judged by. */
export interface SweepPlan {
  readonly knob: Knob
  /** The guide's or the objective's name; of no meaning for the principle. */
  readonly name: string
  readonly reward: string
  readonly from: number
  readonly to: number
  readonly points: number
  /** Answers for each point. */
  readonly answers: number
}

export interface SweepPoint {
  readonly weight: number
  readonly mean: number
  /** Standard error of the mean. */
  readonly error: number
  /** One of its answers. */
  readonly sample: string
}

export type SweepState = 'idle' | 'running' | 'done' | 'stopped' | 'failed'

/** Reward against weight, point by point as it is measured; one sweep at a time. */
export class Sweep {
  readonly points = signal<readonly SweepPoint[]>([])
  readonly state = signal<SweepState>('idle')
  readonly error = signal<unknown>(undefined)
  #running = new AbortController()

  async run(setting: Setting, plan: SweepPlan): Promise<void> {
    this.#running.abort()
    const running = new AbortController()
    this.#running = running
    this.points.value = []
    this.error.value = undefined
    this.state.value = 'running'
    try {
      for (const weight of weightsOf(plan)) {
        const point = await measure(withWeight(setting, plan, weight), plan, weight, running.signal)
        this.points.value = [...this.points.value, point]
      }
      this.state.value = 'done'
    } catch (error) {
      if (running.signal.aborted) return
      this.state.value = 'failed'
      this.error.value = error
    }
  }

  stop(): void {
    if (this.state.value !== 'running') return
    this.#running.abort()
    this.state.value = 'stopped'
  }
}

/** Equally far apart, and free of the tails of binary fractions. */
export function weightsOf({ from, to, points }: Pick<SweepPlan, 'from' | 'to' | 'points'>): number[] {
  return Array.from({ length: points }, (_, i) => Number((from + ((to - from) * i) / (points - 1)).toFixed(4)))
}

export function withWeight(
  setting: Setting,
  { knob, name }: Pick<SweepPlan, 'knob' | 'name'>,
  weight: number,
): Setting {
  if (knob === 'principle') return { ...setting, principleWeight: weight }
  return { ...setting, [knob]: { ...setting[knob], [name]: weight } }
}

interface ChatReply {
  readonly choices: readonly { readonly message: { readonly content: string } }[]
}

async function measure(setting: Setting, plan: SweepPlan, weight: number, signal: AbortSignal): Promise<SweepPoint> {
  const request = { ...alignedRequest(setting), n: plan.answers }
  const { choices } = await postJson<ChatReply>('/v1/chat/completions', request, signal)
  const responses = choices.map(({ message }) => message.content)
  const { messages } = baseRequest(setting)
  const { data } = await postJson<RewardReply>('/v1/rewards', { reward: plan.reward, messages, responses }, signal)
  const scores = data.flatMap(({ score }) => score ?? [])
  return { weight, ...meanOf(scores), sample: responses[0] ?? '' }
}

export function meanOf(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, error: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1) / values.length) }
}
