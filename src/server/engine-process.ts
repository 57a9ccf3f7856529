import { openEngine } from '../decoding/local/engine.ts'
import type { EngineStats } from '../decoding/local/engine-options.ts'
import { toEngineFailure } from './engine-failure.ts'
import type { EngineCommand, EngineEvent, EngineSetup, GenerationRequest } from './engine-messages.ts'
import { eventOutbox } from './event-outbox.ts'
import { modelCards } from './model-cards.ts'
import { assertGuidesFit, modelDirectory } from './model-directory.ts'
import type { GenerationEngine } from './plan-generation.ts'
import { runGeneration } from './run-generation.ts'

/** The child's entry file: loads the models, then answers commands until its channel closes. */

// A channel that broke means that the parent is gone, which is no error of this process.
const send = (event: EngineEvent) => void process.send?.(event, (error: Error | null) => error && process.exit())
const post = eventOutbox((events) => send({ type: 'generation-events', events }))
const running = new Map<number, AbortController>()
let engine: GenerationEngine | undefined
let stats: (() => EngineStats) | undefined

process.on('message', (command) => receive(command as EngineCommand))
process.on('disconnect', () => process.exit())
// Ctrl-C, a closing terminal and service managers signal the whole process group; the parent decides when this process ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

function receive(command: EngineCommand): void {
  switch (command.type) {
    case 'engine-start':
      void start(command.setup)
      return
    case 'generation-request':
      void generate(command.id, command.request)
      return
    case 'generation-abort':
      running.get(command.id)?.abort()
      return
    case 'stats-request':
      if (stats !== undefined) send({ type: 'stats', id: command.id, stats: stats() })
  }
}

async function start({ models, served, options, catalogue }: EngineSetup): Promise<void> {
  try {
    const decoder = await openEngine(models, options, (message) => send({ type: 'engine-progress', message }))
    assertGuidesFit(decoder.models, served, catalogue)
    stats = () => decoder.stats()
    engine = { decoder, models: decoder.models, directory: modelDirectory(decoder.models), catalogue }
    send({ type: 'engine-ready', models: modelCards(decoder.models, models) })
  } catch (error) {
    const event: EngineEvent = {
      type: 'engine-failed',
      message: error instanceof Error ? error.message : String(error),
    }
    process.send?.(event, () => process.exit(1))
  }
}

async function generate(id: number, request: GenerationRequest): Promise<void> {
  const abort = new AbortController()
  running.set(id, abort)
  try {
    if (engine === undefined) throw new Error('it was asked before it was ready')
    await runGeneration(engine, request, (event) => post(id, event), abort.signal)
  } catch (error) {
    if (!abort.signal.aborted)
      post(id, { type: 'generation-error', failure: toEngineFailure(error, request.prompts[0]?.type) })
  } finally {
    running.delete(id)
  }
}
