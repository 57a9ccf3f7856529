import type { Context } from 'hono'
import { z } from 'zod'
import { referenceText } from '../guidance/alignment-options.ts'
import { rewardReference } from '../guidance/whole-answer-options.ts'
import type { Verdict } from '../rm/reward.ts'
import { ApiProblem } from './api-problem.ts'
import { arrayField } from './array-field.ts'
import { messagesField } from './chat-request.ts'
import { watchClient } from './client-presence.ts'
import type { RewardRequest } from './engine-messages.ts'
import { parseFields } from './field-problem.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { rewardDemand } from './keys/demand.ts'
import { admit } from './keys/guard.ts'
import { parseBody, readBytes } from './read-body.ts'
import { toChatMessage } from './to-generation.ts'

const text = z.string().max(1_000_000)

/** Body of POST /v1/rewards. */
export const rewardRequest = z
  .strictObject({
    reward: rewardReference,
    messages: messagesField
      .optional()
      .describe('The conversation that the responses answer. Give either this or `prompt`.'),
    prompt: text.optional().describe('The text that the responses go on with.'),
    responses: arrayField(text, { min: 1, max: 256 }).describe('The answers to score.'),
    references: arrayField(referenceText, { min: 1, max: 16 })
      .optional()
      .describe('Reference answers, for rewards that compare with them.'),
    model: z.string().optional().describe('Accepted; rewards are named by `reward`.'),
  })
  .refine(({ messages, prompt }) => (messages === undefined) !== (prompt === undefined), {
    path: ['messages'],
    message: 'give either messages or prompt',
  })

/** POST /v1/rewards */
export async function postRewards(context: Context<AppEnvironment>, gateway: Gateway): Promise<Response> {
  const body = parseFields(rewardRequest, parseBody(await readBytes(context, gateway.limits.bodyBytes)))
  admit(context, gateway, rewardDemand(body.responses))
  const client = watchClient(context)
  const record = context.get('record')
  record.handOver()
  try {
    for await (const batch of gateway.engine.judge(toRewardRequest(body), client.signal))
      for (const event of batch)
        if (event.type === 'reward-verdicts') return context.json(rewardReply(event.reward, event.verdicts))
  } finally {
    client.release()
  }
  throw new ApiProblem('engine-error', 'The engine ended without verdicts.')
}

function toRewardRequest({
  reward,
  messages,
  prompt,
  responses,
  references,
}: z.output<typeof rewardRequest>): RewardRequest {
  const chat = messages?.map(toChatMessage)
  const question = { messages: chat, text: prompt ?? chat!.map(({ content }) => content).join('\n'), references }
  return { reward, question, responses }
}

const rewardReply = (reward: string, verdicts: readonly Verdict[]) => ({
  object: 'list',
  reward,
  data: verdicts.map(({ score, attributes, steps }, index) => ({
    index,
    score,
    ...(attributes === undefined ? {} : { attributes }),
    ...(steps === undefined ? {} : { steps }),
  })),
  usage: { answers: verdicts.length },
})

/** GET /v1/rewards */
export const listRewards = (names: readonly string[]) => ({
  object: 'list',
  data: names.map((id) => ({ id, object: 'reward', owned_by: 'trimtab' })),
})
