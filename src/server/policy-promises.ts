import { plainSampling } from '../decoding/sampling-params.ts'
import { UpstreamError } from '../decoding/upstream/http/upstream-error.ts'
import type { GenerationRequest, PolicyPromise } from './engine-messages.ts'
import { type GenerationEngine, planGeneration } from './plan-generation.ts'

/** An alias whose policy asks more of an upstream than it can do. */
export class PolicyPromiseError extends Error {
  override readonly name = 'PolicyPromiseError'
}

/** How long all upstreams together may take to be looked at when the engine starts. */
const patienceMs = 30_000

/**
 * Looks at every upstream model and refuses the aliases that its engine cannot serve, by planning one request of each. An upstream
 * that cannot be reached now is told and no error: it is looked at again when it is needed.
 * @throws PolicyPromiseError with the reason
 */
export async function keepPromises(
  engine: GenerationEngine,
  models: readonly string[],
  promises: readonly PolicyPromise[],
  onProgress: (message: string) => void,
): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs)
  const looked = await Promise.allSettled(models.map((model) => engine.prepare(model, signal)))
  const absent = new Set<string>()
  for (const [index, result] of looked.entries()) {
    if (result.status === 'fulfilled') continue
    const { reason } = result
    if (!(reason instanceof UpstreamError) && reason !== signal.reason) throw reason
    absent.add(models[index]!)
    onProgress(`${models[index]}: ${reason instanceof Error ? reason.message : String(reason)}`)
  }
  for (const promise of promises) if (!absent.has(promise.model)) keepPromise(engine, promise, absent)
}

function keepPromise(
  engine: GenerationEngine,
  { alias, model, alignment }: PolicyPromise,
  absent: ReadonlySet<string>,
) {
  try {
    for (const { request } of planGeneration(engine, exampleOf(engine, model, alignment))) {
      if (request.terms.some((term) => absent.has(term.model))) return
      engine.decoder.release(engine.decoder.open(request))
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PolicyPromiseError(`The alias '${alias}' cannot be served over '${model}': ${reason}`)
  }
}

function exampleOf(
  engine: GenerationEngine,
  model: string,
  alignment: GenerationRequest['alignment'],
): GenerationRequest {
  const spoken = engine.directory.hasChatTemplate(model)
  const prompt = spoken
    ? ({ type: 'messages', messages: [{ role: 'user', content: 'Hello' }] } as const)
    : ({ type: 'text', text: 'Hello' } as const)
  const sampling = { ...plainSampling, seed: 0n, maxTokens: 1 }
  return { model, prompts: [prompt], n: 1, sampling, defaultMaxTokens: 1, alignment }
}
