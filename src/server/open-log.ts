import { type Logger, pino } from 'pino'

type Destination = ReturnType<typeof pino.destination>

/**
 * The server's log. Where it can no longer be written, as when the terminal that shows it is closed, it falls silent: there is
 * nobody left to tell, and a failure thrown from the log would end up in the log again.
 */
export function openLog(level: string, destination: Destination = pino.destination(2)): Logger {
  let isLost = false
  destination.on('error', () => {
    if (isLost) return
    isLost = true
    // It keeps what it could not write, and its flush at the end of the process would try that again for ever.
    destination.destroy()
  })
  return pino({ name: 'trimtab', level }, { write: (line) => void (isLost || destination.write(line)) })
}
