import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'
import type { FinishReason } from '../decoding/decoder.ts'
import type { JsonSpec } from '../decoding/grammar/grammar-spec.ts'
import type { EngineOptions, EngineStats, ModelSpec, WeightFormat } from '../decoding/local/engine-options.ts'
import type { SamplingParams } from '../decoding/sampling-params.ts'
import type { ToolOffer } from '../decoding/tool-calls.ts'
import type { CallCounts } from '../decoding/upstream/http/call-counters.ts'
import type { UpstreamSettings } from '../decoding/upstream/http/upstream-settings.ts'
import type { UpstreamModelSpec } from '../decoding/upstream/upstream-fleet.ts'
import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import type { GuideCatalogue } from '../guidance/guide-catalogue.ts'
import type { ChoiceOutcome } from '../guidance/strategy.ts'
import type { AlignmentTrace } from '../guidance/trace.ts'
import type { RewardReference } from '../guidance/whole-answer-options.ts'
import type { RewardCounts } from '../rm/metered-rewards.ts'
import type { Question, RewardTraits, Verdict } from '../rm/reward.ts'
import type { RewardCatalogue } from '../rm/reward-catalogue.ts'

/** What the engine process loads; fixed for its life. */
export interface EngineSetup {
  readonly models: readonly ModelSpec[]
  /** Engines elsewhere, and the models of theirs that can be steered. */
  readonly upstreams: readonly UpstreamSettings[]
  readonly upstreamModels: readonly UpstreamModelSpec[]
  /** Names of the models that clients may ask for, as far as they are decoded here. */
  readonly served: readonly string[]
  /** Policies that aliases promise over an upstream's model: what the engine cannot do is refused when it is first seen. */
  readonly promises: readonly PolicyPromise[]
  readonly options: EngineOptions
  readonly catalogue: GuideCatalogue
  readonly rewards: RewardCatalogue
}

export interface PolicyPromise {
  readonly alias: string
  readonly model: string
  readonly alignment: AlignmentOptions
}

export type Prompt =
  | { readonly type: 'messages'; readonly messages: readonly ChatMessage[] }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'token-ids'; readonly ids: readonly number[] }

/** What every answer of a request must be; `param` is the field that says so. */
export interface AnswerGrammar {
  readonly spec: JsonSpec
  readonly param: string
}

/** Tools that answers may call; `param` is the field of a tool's parameters, with * for its number. */
export interface OfferedTools {
  readonly offer: ToolOffer
  readonly param: string
}

/** A part of a call: its name comes with its first one. */
export interface ToolCallPiece {
  /** The call's number within the answer. */
  readonly call: number
  readonly name?: string
  /** The next piece of the arguments' JSON. */
  readonly arguments: string
}

/** One validated request: `prompts.length * n` choices, the n of the first prompt first. */
export interface GenerationRequest {
  readonly model: string
  readonly prompts: readonly Prompt[]
  readonly n: number
  /** `maxTokens` undefined: what is left of the context, at most `defaultMaxTokens`. */
  readonly sampling: Omit<SamplingParams, 'maxTokens'> & { readonly maxTokens: number | undefined }
  readonly defaultMaxTokens: number
  /** Undefined: plain sampling, and no report comes back. */
  readonly alignment: AlignmentOptions | undefined
  /** Absent: any text. */
  readonly grammar?: AnswerGrammar | undefined
  /** Absent: no tool may be called. */
  readonly tools?: OfferedTools | undefined
  /** Absent: no bound, as for measurements. */
  readonly replyLimit?: ReplyLimit
  /** W3C trace context of the request, where it is traced. */
  readonly traceparent?: string
}

/** Answers to be scored. */
export interface RewardRequest {
  readonly reward: RewardReference
  readonly question: Question
  readonly responses: readonly string[]
  /** Absent: given answers of POST /v1/rewards. Otherwise the responses are candidates of a best-of over whole replies. */
  readonly wholeReplies?: WholeReplies
}

export interface WholeReplies {
  readonly zScore: boolean
  /** The conversation has images, or the answers may call tools. */
  readonly beyondText: boolean
}

/** How much of a reply may be in memory at once. */
export interface ReplyLimit {
  /** Then log-probabilities leave as they come; a trace is still held to the end. */
  readonly streamed: boolean
  /** Most log-probabilities held. */
  readonly heldLogprobs: number
}

/** A token as the API shows it: its text, its exact bytes, its log-probability. */
export interface TokenReport {
  readonly token: string
  readonly bytes: readonly number[]
  readonly logprob: number
  readonly top: readonly Omit<TokenReport, 'top'>[]
}

export interface AlignmentReport {
  readonly method: string
  readonly tokens: {
    readonly returned: number
    readonly generated: number
    readonly guide: number
    readonly rewardCalls: number
  }
  /** How drafting over an upstream went; absent where nothing was drafted. */
  readonly speculation?: SpeculationReport | undefined
  /** Present when a trace was asked for. */
  readonly trace: AlignmentTrace | undefined
  /** How each choice was chosen among others; undefined for plain samples. */
  readonly outcomes?: readonly (ChoiceOutcome | undefined)[]
}

export interface SpeculationReport {
  readonly rounds: number
  readonly drafted: number
  /** Positions at which a draft was looked at, and at which one was taken. */
  readonly examined: number
  readonly accepted: number
  /** Share of the positions looked at whose draft was taken. */
  readonly acceptance: number
  /** Bounds on the total variation that truncation can have cost: the largest of a token, and their sum. */
  readonly truncationMost: number
  readonly truncationSum: number
}

export interface GenerationUsage {
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cachedTokens: number
}

/** Why the engine could not answer, as data; openai-error.ts gives it a status. */
export interface EngineFailure {
  readonly kind:
    | 'context-length'
    | 'overloaded'
    | 'unknown-model'
    | 'invalid-request'
    | 'reward-failed'
    | 'upstream-unreachable'
    | 'upstream-timeout'
    | 'upstream-unavailable'
    | 'upstream-broken'
    | 'engine-error'
  readonly message: string
  readonly param: string | undefined
  /** Seconds after which trying again makes sense, where an upstream said so. */
  readonly retryAfter?: number | undefined
}

/** `tool-calls`: it ended by itself, with calls. */
export type AnswerEnd = FinishReason | 'tool-calls'

/** What happened to one request, in order; ends with `generation-end`, `reward-verdicts` or `generation-error`. */
export type GenerationEvent =
  | {
      readonly type: 'choice-delta'
      readonly index: number
      readonly text: string
      /** Present when log-probabilities were asked for. */
      readonly tokens: readonly TokenReport[] | undefined
      /** Parts of calls of tools, which are not in `text`. */
      readonly calls?: readonly ToolCallPiece[]
    }
  | { readonly type: 'choice-end'; readonly index: number; readonly finishReason: AnswerEnd }
  /** While no text is final yet; a stream shows it as a comment. */
  | { readonly type: 'generation-progress'; readonly message: string }
  | {
      readonly type: 'generation-end'
      readonly usage: GenerationUsage
      readonly alignment: AlignmentReport | undefined
    }
  | {
      readonly type: 'reward-verdicts'
      readonly reward: string
      readonly traits: RewardTraits
      readonly verdicts: readonly Verdict[]
    }
  | { readonly type: 'generation-error'; readonly failure: EngineFailure }

/** What the HTTP process needs to know of a loaded model. */
export interface ModelCard {
  readonly name: string
  /** upstream: they are held elsewhere. */
  readonly weights: WeightFormat | 'upstream'
  readonly contextLength: number
  readonly hasChatTemplate: boolean
  /** Short hash of its files and its adapters'. */
  readonly checkpoint: string
}

/** Counters of the engine process since its start, for probes and metrics. */
export interface EngineReport extends EngineStats {
  readonly rewards: Readonly<Record<string, RewardCounts>>
  /** Calls that steer models over upstreams. */
  readonly upstreams: Readonly<Record<string, CallCounts>>
  readonly residentBytes: number
}

/** Parent to child. */
export type EngineCommand =
  | { readonly type: 'engine-start'; readonly setup: EngineSetup }
  | { readonly type: 'generation-request'; readonly id: number; readonly request: GenerationRequest }
  | { readonly type: 'reward-request'; readonly id: number; readonly request: RewardRequest }
  | { readonly type: 'generation-abort'; readonly id: number }
  | { readonly type: 'stats-request'; readonly id: number }

/** Child to parent. */
export type EngineEvent =
  | { readonly type: 'engine-progress'; readonly message: string }
  | { readonly type: 'engine-ready'; readonly models: readonly ModelCard[] }
  | { readonly type: 'engine-failed'; readonly message: string }
  /** Everything one engine step brought, for all requests: one message a step keeps the HTTP process idle. */
  | { readonly type: 'generation-events'; readonly events: readonly (readonly [id: number, event: GenerationEvent])[] }
  | { readonly type: 'stats'; readonly id: number; readonly stats: EngineReport }
