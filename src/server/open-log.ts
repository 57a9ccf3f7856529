import { type Logger, pino } from 'pino'

type Destination = ReturnType<typeof pino.destination>

/**
 * The server's log. Where it can no longer be written, as when the terminal that shows it is closed, it falls silent: there is
 * nobody left to tell, and a failure thrown from the log would end up in the log again.
 */
export function openLog(level: string, destination: Destination = pino.destination(2)): Logger {
  const log = pino({ name: 'trimtab', level }, destination)
  destination.on('error', () => {
    log.level = 'silent'
  })
  return log
}
