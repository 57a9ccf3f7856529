import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'

/** What the answers are answers to. */
export interface Question {
  /** Undefined for a plain completion, whose prompt `text` is then. */
  readonly messages: readonly ChatMessage[] | undefined
  /** The prompt as text: the completion's own, or the messages' contents for rewards that read no chat. */
  readonly text: string
  /** Reference answers of the request, for rewards that compare with them. */
  readonly references: readonly string[] | undefined
  /** Parts of the conversation that are no text (images, audio), as the API has them. */
  readonly media?: readonly object[]
}

/** One answer, or its beginning. */
export interface Answer {
  readonly text: string
  /** Its tokens in the vocabulary of the model that drew them; undefined for an answer that came as text. */
  readonly ids: readonly number[] | undefined
  /** False while it is still being decoded. */
  readonly finished: boolean
}

export interface Verdict {
  /** Higher is better; finite, or -Infinity for an answer that must not be chosen. Never NaN. */
  readonly score: number
  /** Named parts of the score, where the reward has them. */
  readonly attributes: Readonly<Record<string, number>> | undefined
  /** Score of each step of the answer, where the reward judges steps. */
  readonly steps: readonly number[] | undefined
}

export interface RewardTraits {
  /** Whether the beginning of an answer can be judged. */
  readonly partial: boolean
  /** Bounds of the score, where it has any. */
  readonly range: readonly [low: number, high: number] | undefined
  /** Whether a score depends on the other answers it was judged with (pairwise preferences, z-scores). */
  readonly relative: boolean
  /** Whether it can judge whole chat replies: answers to images, and tool calls, which are then written out as JSON. Absent: it cannot. */
  readonly wholeReplies?: boolean
  /** Whether a request goes on without it when it fails, because the request or its policy says so; absent: it fails. */
  readonly optional?: boolean
}

/** What the rounding of a sum of weights, such as .33 + .56 + .11, may put a bound beyond 1. */
const rounding = 1e-9

/** Whether every score lies between 0 and 1, so that it can count as a weight, a probability or a value. */
export const withinUnit = (range: RewardTraits['range']): boolean =>
  range !== undefined && range[0] >= -rounding && range[1] <= 1 + rounding

/** What judges: a classifier, a process reward model, an implicit reward, a rule, or a combination of them. */
export interface Reward {
  readonly name: string
  readonly traits: RewardTraits
  /**
   * One verdict for each answer, in order.
   * @throws RewardError when it cannot judge them: a reward that failed never counts as 0
   * @throws InvalidRequestError for what the request lacks (references, a readable chat)
   */
  score(question: Question, answers: readonly Answer[], signal: AbortSignal): Promise<readonly Verdict[]>
}
