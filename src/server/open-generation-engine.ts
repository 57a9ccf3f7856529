import { type LocalEngine, openEngine } from '../decoding/local/engine.ts'
import { scoringModels } from '../rm/causal-scorer.ts'
import { openRewards } from '../rm/open-rewards.ts'
import type { EngineSetup } from './engine-messages.ts'
import { assertGuidesFit, modelDirectory } from './model-directory.ts'
import type { GenerationEngine } from './plan-generation.ts'

export interface OpenedGenerationEngine extends GenerationEngine {
  readonly decoder: LocalEngine
  close(): Promise<void>
}

/**
 * Loads everything a configuration names: models, guides, rewards.
 * @throws CheckpointError; nothing stays open then
 */
export async function openGenerationEngine(
  { models, served, options, catalogue, rewards: rewardCatalogue }: EngineSetup,
  onProgress: (message: string) => void,
): Promise<OpenedGenerationEngine> {
  const decoder = await openEngine(models, options, onProgress)
  try {
    assertGuidesFit(decoder.models, served, catalogue)
    for (const model of scoringModels(rewardCatalogue)) decoder.keepScoringRoom(model)
    const { rewards, close } = await openRewards(rewardCatalogue, decoder, options, onProgress)
    const directory = modelDirectory(decoder.models)
    return {
      decoder,
      models: decoder.models,
      directory,
      catalogue,
      rewards,
      mostOpened: options.maxRunning + options.maxWaiting,
      async close() {
        await close()
        await decoder.close()
      },
    }
  } catch (error) {
    await decoder.close()
    throw error
  }
}
