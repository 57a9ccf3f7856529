import { type LocalEngine, openEngine } from '../decoding/local/engine.ts'
import { RoutedDecoder } from '../decoding/routed-decoder.ts'
import { UpstreamDecoder } from '../decoding/upstream/upstream-decoder.ts'
import { UpstreamFleet } from '../decoding/upstream/upstream-fleet.ts'
import { scoringModels } from '../rm/causal-scorer.ts'
import { MeteredRewards } from '../rm/metered-rewards.ts'
import { openRewards } from '../rm/open-rewards.ts'
import type { EngineReport, EngineSetup } from './engine-messages.ts'
import { assertGuidesFit, modelDirectory } from './model-directory.ts'
import type { GenerationEngine } from './plan-generation.ts'
import { keepPromises } from './policy-promises.ts'

export interface OpenedGenerationEngine extends GenerationEngine {
  stats(): EngineReport
  close(): Promise<void>
}

/**
 * Loads everything a configuration names: models, guides, rewards; and looks at the upstreams whose models are steered.
 * @throws CheckpointError, and PolicyPromiseError for an alias that its upstream cannot keep; nothing stays open then
 */
export async function openGenerationEngine(
  setup: EngineSetup,
  onProgress: (message: string) => void,
): Promise<OpenedGenerationEngine> {
  const local = await openEngine(setup.models, setup.options, onProgress)
  const closers = [() => local.close()]
  const close = async () => {
    for (const one of closers.reverse()) await one()
  }
  try {
    const fleet = new UpstreamFleet(setup.upstreams, setup.upstreamModels)
    closers.push(() => fleet.close())
    const models = new Map([...local.models, ...fleet.models])
    assertGuidesFit(models, setup.served, setup.catalogue)
    for (const model of scoringModels(setup.rewards)) local.keepScoringRoom(model)
    const options = { ...setup.options, upstreams: setup.upstreams }
    const opened = await openRewards(setup.rewards, local, options, onProgress)
    closers.push(opened.close)
    const metered = new MeteredRewards(opened.rewards)
    const engine = {
      decoder: decoderOver(local, fleet),
      models,
      directory: modelDirectory(models),
      catalogue: setup.catalogue,
      rewards: metered.rewards,
      isUpstream: (model: string) => fleet.models.has(model),
      prepare: (model: string, signal: AbortSignal) => fleet.prepare(model, signal),
      doubt: (upstream: string) => fleet.doubt(upstream),
      mostOpened: setup.options.maxRunning + setup.options.maxWaiting,
    }
    await keepPromises(engine, [...fleet.models.keys()], setup.promises, onProgress)
    const stats = () => ({
      ...local.stats(),
      rewards: metered.read(),
      upstreams: fleet.counts(),
      residentBytes: process.memoryUsage.rss(),
    })
    return { ...engine, stats, close }
  } catch (error) {
    await close()
    throw error
  }
}

function decoderOver(local: LocalEngine, fleet: UpstreamFleet) {
  if (fleet.models.size === 0) return local
  const upstream = new UpstreamDecoder({ upstream: fleet.usable, local })
  return new RoutedDecoder((model) => (fleet.models.has(model) ? upstream : local))
}
