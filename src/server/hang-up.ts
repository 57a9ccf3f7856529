import { closeSync, openSync } from 'node:fs'

/**
 * Calls `onReload` at every SIGHUP that an operator sends. The one that a closing terminal sends is left to `onGone`.
 * @param fromTerminal whether the process was started in one
 */
export function watchHangUp(fromTerminal: boolean, onReload: () => void, onGone: () => void): void {
  process.on('SIGHUP', () => (fromTerminal && !hasTerminal() ? onGone() : onReload()))
}

/** Fails to open from the moment on at which the controlling terminal is gone. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall !== 'open') throw error
    return false
  }
}
