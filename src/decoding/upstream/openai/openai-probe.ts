import { z } from 'zod'
import type { ProbeResult, ProbeSubject } from '../engine-probe.ts'
import type { UpstreamClient } from '../http/upstream-client.ts'
import { UpstreamError } from '../http/upstream-error.ts'

const models = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) })

/** What a server that speaks the OpenAI API and nothing else can be asked for: texts. */
export async function probeOpenai(
  client: UpstreamClient,
  { model }: ProbeSubject,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const served = await servedBy(client, signal)
  const missing = served.includes(model) ? [] : [`it does not list the model '${model}' (it has ${served.join(', ')})`]
  return {
    abilities: {
      mostTop: 0,
      logprobs: undefined,
      tokenIds: false,
      chosenLogprobs: false,
      several: false,
      batches: false,
      models: served,
      contextLength: undefined,
      guides: [],
      distinctLogits: false,
    },
    identity: model,
    problems: missing.length > 0 ? missing : await completionProblems(client, model, signal),
  }
}

/** Nothing else of it can be told apart. */
export async function openaiIdentity(client: UpstreamClient, model: string, signal: AbortSignal): Promise<string> {
  const served = await servedBy(client, signal)
  return served.includes(model) ? model : `not ${model}`
}

async function servedBy(client: UpstreamClient, signal: AbortSignal): Promise<readonly string[]> {
  const listed = models.safeParse(await client.json('/v1/models', undefined, { signal }))
  if (listed.success) return listed.data.data.map(({ id }) => id)
  throw new UpstreamError('protocol', client.name, 'lists its models in another form than the OpenAI API')
}

/** Answers are continued by /v1/completions, which some servers do not have, or not for chat models. */
async function completionProblems(client: UpstreamClient, model: string, signal: AbortSignal) {
  try {
    await client.json('/v1/completions', { model, prompt: 'Hello', max_tokens: 1 }, { signal })
    return []
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.status === undefined || ![400, 404, 405].includes(error.status))
      throw error
    return [
      `it continues no text of this model (/v1/completions answers ${error.status}): leave the model's tokenizer out, then best_of chooses among whole replies`,
    ]
  }
}
