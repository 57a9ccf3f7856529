import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { engineEnvironment } from './engine-environment.ts'
import type { EngineCommand, EngineEvent, EngineSetup } from './engine-messages.ts'

const extension = extname(import.meta.url)

/** The engine's entry file beside this one: .ts under tsx, .js in dist. */
export const engineEntry = new URL(`./engine-process${extension}`, import.meta.url)

export interface EngineChild {
  send(command: EngineCommand): void
  /** Ends it now; harmless when it has ended already. */
  kill(): void
}

export interface EngineChildListener {
  onEvent(event: EngineEvent): void
  /** Once, when the process is gone; `reason` is for people. */
  onExit(reason: string): void
}

/** Forks the engine process and tells it what to load. */
export function forkEngine(entry: URL, setup: EngineSetup, listener: EngineChildListener): EngineChild {
  const child = fork(fileURLToPath(entry), [], {
    serialization: 'advanced',
    // biome-ignore lint/style/noProcessEnv: the child inherits it
    env: engineEnvironment(process.env),
    // Resolved here because `--import tsx` would be looked up from the working folder.
    execArgv: entry.pathname.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
  })
  const unhook = killWithParent(child)
  let gone = false
  const exit = (reason: string) => {
    if (gone) return
    gone = true
    unhook()
    listener.onExit(reason)
  }
  child.on('message', (event) => listener.onEvent(event as EngineEvent))
  child.on('error', (error) => exit(error.message))
  child.on('exit', (code, signal) => exit(signal === null ? `exit code ${code}` : `signal ${signal}`))
  // A message to a child that is just dying fails here and is answered by its exit.
  const send = (command: EngineCommand) => void (child.connected && child.send(command, ignoreSendError))
  send({ type: 'engine-start', setup })
  return { send, kill: () => void child.kill('SIGKILL') }
}

function ignoreSendError(_error: Error | null): void {
  // The exit event follows and ends the requests.
}

/** The child also leaves when its channel closes; this covers a child stuck in a long native call. */
function killWithParent(child: ChildProcess): () => void {
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  return () => void process.off('exit', kill)
}
