import { closeDeadTerminals } from './dead-terminals.ts'
import { toEngineFailure } from './engine-failure.ts'
import type { EngineCommand, EngineEvent, EngineReport, EngineSetup, Prompt } from './engine-messages.ts'
import { eventOutbox } from './event-outbox.ts'
import { modelCards } from './model-cards.ts'
import { openGenerationEngine } from './open-generation-engine.ts'
import type { GenerationEngine } from './plan-generation.ts'
import { runGeneration } from './run-generation.ts'
import { runReward } from './run-reward.ts'

/** The child's entry file: loads the models, then answers commands until its channel closes. */

// A channel that broke means that the parent is gone, which is no error of this process.
const send = (event: EngineEvent) => void process.send?.(event, (error: Error | null) => error && process.exit())
const post = eventOutbox((events) => send({ type: 'generation-events', events }))
const running = new Map<number, AbortController>()
let engine: GenerationEngine | undefined
let stats: (() => EngineReport) | undefined

closeDeadTerminals()
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
      void answer(command.id, command.request.prompts[0]?.type, (loaded, signal) =>
        runGeneration(loaded, command.request, (event) => post(command.id, event), signal),
      )
      return
    case 'reward-request':
      void answer(command.id, 'messages', async ({ rewards }, signal) =>
        post(command.id, await runReward(rewards, command.request, signal)),
      )
      return
    case 'generation-abort':
      running.get(command.id)?.abort()
      return
    case 'stats-request':
      if (stats !== undefined) send({ type: 'stats', id: command.id, stats: stats() })
  }
}

async function start(setup: EngineSetup): Promise<void> {
  try {
    const opened = await openGenerationEngine(setup, (message) => send({ type: 'engine-progress', message }))
    stats = () => opened.stats()
    engine = opened
    send({ type: 'engine-ready', models: modelCards(opened.models, setup.models) })
  } catch (error) {
    const event: EngineEvent = {
      type: 'engine-failed',
      message: error instanceof Error ? error.message : String(error),
    }
    process.send?.(event, () => process.exit(1))
  }
}

async function answer(
  id: number,
  prompt: Prompt['type'] | undefined,
  run: (loaded: GenerationEngine, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const abort = new AbortController()
  running.set(id, abort)
  try {
    if (engine === undefined) throw new Error('it was asked before it was ready')
    await run(engine, abort.signal)
  } catch (error) {
    if (!abort.signal.aborted) post(id, { type: 'generation-error', failure: toEngineFailure(error, prompt) })
  } finally {
    running.delete(id)
  }
}
