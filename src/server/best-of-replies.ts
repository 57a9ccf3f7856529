import type { Context } from 'hono'
import { type AlignmentOptions, alignmentOptions } from '../guidance/alignment-options.ts'
import { noFinding } from '../guidance/candidate-report.ts'
import { chooseCandidate } from '../guidance/choose-candidate.ts'
import { Judge } from '../guidance/judge.ts'
import { selectionUniform } from '../guidance/random-streams.ts'
import type { BestOfOptions } from '../guidance/whole-answer-options.ts'
import { RewardError } from '../rm/reward-error.ts'
import { selectAlignment } from './alignment-selection.ts'
import { ApiProblem } from './api-problem.ts'
import { candidateReplies, type ReplyRoute } from './candidate-calls.ts'
import { chosenFrames, chosenReply, type ReplyChoice } from './chosen-reply.ts'
import { watchClient } from './client-presence.ts'
import { type EngineReward, engineReward } from './engine-reward.ts'
import { parseFields } from './field-problem.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { candidatesDemand } from './keys/demand.ts'
import { admit } from './keys/guard.ts'
import type { ServedName } from './models.ts'
import { toOpenAIError } from './openai-error.ts'
import { cannotSteer } from './passage.ts'
import { isBeyondText, planReplies, type RepliesPlan } from './plan-replies.ts'
import { frame } from './sse.ts'
import { streamedReply } from './streamed-reply.ts'
import { tokenRemedy, wholeReplyProblems } from './whole-reply-options.ts'

/**
 * Best-of-N over whole replies of an upstream: each candidate is a reply of its own, tool calls and all, and the chosen one is returned as it came.
 * @throws ApiProblem
 */
export async function bestOfReplies(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  fields: Readonly<Record<string, unknown>>,
  served: ServedName,
  route: ReplyRoute,
): Promise<Response> {
  const { options, bestOf } = alignmentOf(context, gateway, fields, served)
  const plan = planReplies(fields, served, route, bestOf, options.references)
  const record = context.get('record')
  record.streamed = fields['stream'] === true
  admit(context, gateway, candidatesDemand(fields, record, bestOf.n, gateway.limits.defaultMaxTokens))
  const client = watchClient(context)
  record.upstream = served.upstream!.name
  record.handOver()
  const run = () => chooseReply(gateway, served.upstream!.name, plan, bestOf, options, client.signal)
  if (!record.streamed) {
    try {
      return context.json(chosenReply(await run()))
    } finally {
      client.release()
    }
  }
  async function* frames() {
    yield* chosenFrames(chosenReply(await run()), route, plan.includeUsage)
  }
  const failure = (error: unknown) => frame(toOpenAIError(error).body)
  return await streamedReply(context, gateway, { frames: frames(), failure }, client)
}

/**
 * The upstream's model whose whole replies are to be chosen among: one that is not decoded here, or a conversation that cannot be, for it has images
 * or tools. Undefined for all others.
 */
export function repliesChosenOf(gateway: Gateway, fields: Readonly<Record<string, unknown>>): ServedName | undefined {
  const served = typeof fields['model'] === 'string' ? gateway.models.names.get(fields['model']) : undefined
  if (served?.upstream === undefined) return undefined
  return served.upstream.steered !== true || isBeyondText(fields) ? served : undefined
}

/** @throws ApiProblem for what cannot be kept over whole replies, naming where it was asked for */
function alignmentOf(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  fields: Readonly<Record<string, unknown>>,
  served: ServedName,
): { readonly options: AlignmentOptions; readonly bestOf: BestOfOptions } {
  const body = parseFields(alignmentOptions.optional(), fields['alignment'], 'alignment')
  const header = context.req.header('x-trimtab-alignment')
  const choices = { body, header, aliasPolicy: served.policy }
  const { options = {}, policies } = selectAlignment(choices, gateway.models.policies)
  const record = context.get('record')
  record.model = String(fields['model'])
  record.policies = policies
  record.prompt = fields['messages'] ?? fields['prompt']
  const origin = body !== undefined ? 'alignment' : header !== undefined ? 'X-Trimtab-Alignment' : 'model'
  const whose = `the upstream '${served.upstream!.name}'`
  const [problem] = wholeReplyProblems(options)
  if (options.best_of === undefined) throw cannotSteer(origin, whose)
  if (problem === undefined) return { options, bestOf: options.best_of }
  const [field, reason] = problem
  const param = origin === 'alignment' ? `alignment.${field}` : origin
  throw new ApiProblem('unsupported', `'${field}' cannot be kept over ${whose}: ${reason}. ${tokenRemedy}`, { param })
}

async function chooseReply(
  gateway: Gateway,
  upstream: string,
  plan: RepliesPlan,
  bestOf: BestOfOptions,
  { on_reward_error }: AlignmentOptions,
  signal: AbortSignal,
): Promise<ReplyChoice> {
  const reward = await rewardOf(gateway, plan, bestOf, on_reward_error === 'continue', signal)
  const { client } = gateway.upstreams.byName.get(upstream)!
  const candidates = await candidateReplies(client, plan.route, plan.bodies, signal)
  const judge = reward && new Judge(reward.reward, plan.question, signal)
  const findings = candidates.map(noFinding)
  const answers = candidates.map(({ text, tokens }) => ({ ...wholeAnswer, text, generatedTokens: tokens }))
  const seed = BigInt.asUintN(64, BigInt(plan.seed))
  const choice = { candidates: answers, findings }
  const chosen = await chooseCandidate(choice, bestOf, judge, selectionUniform(seed), signal).catch(
    (error: unknown) => {
      throw error instanceof RewardError ? (reward?.problem ?? rewardProblem(error)) : error
    },
  )
  const { calls: rewardCalls = 0, degraded } = judge ?? {}
  return { candidates, findings, chosen, rewardCalls, degraded, select: bestOf.select, seed: plan.seed }
}

const wholeAnswer = { draws: [], endDraw: undefined, finishReason: undefined, finished: true }

const rewardProblem = ({ message }: RewardError) => new ApiProblem('reward-failed', message)

async function rewardOf(
  { engine, rewards }: Gateway,
  { question, beyondText }: RepliesPlan,
  { reward, normalise }: BestOfOptions,
  optional: boolean,
  signal: AbortSignal,
): Promise<EngineReward | undefined> {
  if (reward === undefined) return undefined
  const unknown = (typeof reward === 'string' ? [reward] : Object.keys(reward)).find((name) => !rewards.includes(name))
  if (unknown !== undefined) {
    const known = rewards.length === 0 ? 'None is configured.' : `Known rewards: ${rewards.join(', ')}.`
    throw new ApiProblem('invalid-request', `The reward '${unknown}' does not exist. ${known}`, {
      param: 'alignment.best_of.reward',
    })
  }
  const wholeReplies = { zScore: normalise === 'z_score', beyondText }
  return await engineReward(engine, reward, question, wholeReplies, { optional, signal })
}
