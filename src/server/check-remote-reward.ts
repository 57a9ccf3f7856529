import { openRewards } from '../rm/open-rewards.ts'
import type { RemoteOptions } from '../rm/remote/wire-formats.ts'
import type { Question } from '../rm/reward.ts'
import type { EngineSetup } from './engine-messages.ts'

const example: Question = {
  messages: [{ role: 'user', content: 'What is 2 + 2?' }],
  text: 'What is 2 + 2?',
  references: undefined,
}

/** One example answer scored by the upstream, in a line. An upstream that fails is told and no error: it may come up later. */
export async function remoteRewardLine(
  name: string,
  definition: RemoteOptions,
  { options, upstreams }: Pick<EngineSetup, 'options' | 'upstreams'>,
): Promise<string> {
  const quiet = upstreams.map((settings) => ({ ...settings, health: { ...settings.health, everyMs: 0 } }))
  const opened = await openRewards(new Map([[name, definition]]), noScorer, { ...options, upstreams: quiet })
  try {
    const { signal } = new AbortController()
    const answers = [{ text: '2 + 2 = 4.', ids: undefined, finished: true }]
    const [verdict] = await opened.rewards.get(name)!.score(example, answers, signal)
    return `reward ${name}: ${definition.format} of ${definition.upstream} scores an example ${verdict!.score}`
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `reward ${name}: ${definition.format} of ${definition.upstream} does not score an example (${reason})`
  } finally {
    await opened.close()
  }
}

/** What an upstream computes needs no model of the engine. */
const noScorer = {
  models: new Map(),
  tokenLogprobs: () => Promise.reject(new Error('no model is loaded')),
}
