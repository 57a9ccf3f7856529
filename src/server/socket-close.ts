import type { Socket } from 'node:net'

/** Of each socket, whom to tell; one listener serves all requests that are pipelined on it. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls `onClose` once when the socket closes (at once where it has), unless the returned function is called before.
 * A response that waits behind another on its socket is no longer told, so the socket itself must be watched.
 */
export function watchSocketClose(socket: Socket, onClose: () => void): () => void {
  if (socket.destroyed) {
    onClose()
    return () => {}
  }
  const watchers = waiting.get(socket) ?? listen(socket)
  watchers.add(onClose)
  return () => void watchers.delete(onClose)
}

function listen(socket: Socket): Set<() => void> {
  const watchers = new Set<() => void>()
  waiting.set(socket, watchers)
  socket.once('close', () => {
    for (const onClose of watchers) onClose()
    watchers.clear()
  })
  return watchers
}
