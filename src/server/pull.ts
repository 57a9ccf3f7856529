import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import { type HubProgress, isHubId, pullFromHub } from '../decoding/checkpoint/hub.ts'
import type { Environment } from './config-file.ts'
import type { EngineSetup } from './engine-messages.ts'

/**
 * Downloads a model with a progress bar per file and returns its folder. HF_ENDPOINT and HF_TOKEN mean what they mean to other
 * tools; empty ones count as unset.
 */
export async function pull(id: string, cacheFolder: string, environment: Environment): Promise<string> {
  const bars = progressBars()
  try {
    return await pullFromHub(id, {
      cacheFolder,
      hubUrl: environment['HF_ENDPOINT'] || undefined,
      accessToken: environment['HF_TOKEN'] || undefined,
      onProgress: bars.update,
    })
  } finally {
    bars.stop()
  }
}

/** The same setup with folders in place of hub ids, after downloading what is not there yet. */
export async function pullModels(setup: EngineSetup, environment: Environment): Promise<EngineSetup> {
  const fetchSource = async (source: string) =>
    isHubId(source) ? await pull(source, setup.options.cacheFolder, environment) : source
  const models = []
  for (const model of setup.models) {
    const adapters = []
    for (const adapter of model.adapters) adapters.push({ ...adapter, source: await fetchSource(adapter.source) })
    models.push({ ...model, source: await fetchSource(model.source), adapters })
  }
  return { ...setup, models }
}

function progressBars() {
  const screen = new MultiBar(
    {
      format: '{bar} {percentage}% {size} {file}',
      hideCursor: true,
      clearOnComplete: false,
      noTTYOutput: true,
      notTTYSchedule: 10_000,
    },
    Presets.shades_classic,
  )
  const bars = new Map<string, SingleBar>()
  return {
    update({ file, bytes, totalBytes }: HubProgress): void {
      const labels = { file, size: `${(totalBytes / 2 ** 20).toFixed(1)} MiB` }
      const bar = bars.get(file) ?? screen.create(totalBytes, 0, labels)
      bars.set(file, bar)
      bar.update(bytes, labels)
    },
    stop: () => screen.stop(),
  }
}
