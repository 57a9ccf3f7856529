import { z } from 'zod'
import type { UpstreamClient } from '../http/upstream-client.ts'
import { UpstreamError } from '../http/upstream-error.ts'
import type { EngineTilt } from '../token-engine.ts'
import { broken } from './vllm-wire.ts'

/** How deploy/vllm-guides, a plug-in of vLLM, is asked; this is the other end of its `request.py`. */
const guidesField = 'trimtab_guides'
const baseField = 'trimtab_base'
const question = '?'

const description = z.object({
  format: z.literal(1),
  guides: z.array(
    z.object({ name: z.string(), vocabulary: z.number().int().positive(), context: z.number().int().positive() }),
  ),
})

export type InsideGuide = z.output<typeof description>['guides'][number]

/** Values of vllm_xargs are scalars, so that the guides are JSON in a string. */
export function tiltFields(tilt: EngineTilt | undefined): object {
  if (tilt === undefined) return {}
  const guides = tilt.guides.map(({ name, weight, promptIds }) => ({ guide: name, weight, prompt: promptIds }))
  return { vllm_xargs: { [baseField]: tilt.base, [guidesField]: JSON.stringify(guides) } }
}

/**
 * The guides that run inside a vLLM; none where the plug-in is not installed, which lets the question pass.
 * @param model any model it serves
 */
export async function insideGuides(
  client: UpstreamClient,
  model: string,
  signal: AbortSignal,
): Promise<readonly InsideGuide[]> {
  const body = { model, prompt: [1], max_tokens: 1, vllm_xargs: { [guidesField]: question } }
  try {
    await client.json('/v1/completions', body, { signal })
    return []
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.kind !== 'status' || error.status! >= 500) throw error
    return described(client.name, error.body ?? '')
  }
}

/** The description comes as the message of an error, which vLLM may have put something before. */
function described(upstream: string, body: string): readonly InsideGuide[] {
  const message = z.object({ error: z.object({ message: z.string() }) }).safeParse(parsed(body))
  const json = message.success ? /trimtab-guides (\{.*\})/s.exec(message.data.error.message)?.[1] : undefined
  // some other plug-in, or vLLM itself, does not like the question
  if (json === undefined) return []
  const found = description.safeParse(parsed(json))
  if (found.success) return found.data.guides
  throw broken(upstream, `has a vllm-guides plug-in of another version: ${z.prettifyError(found.error)}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
