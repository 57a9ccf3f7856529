import { type LogFn, type Logger, pino } from 'pino'

type Destination = ReturnType<typeof pino.destination>

/** The message of the line that each request has. */
export const requestMessage = 'request'

/** How long such a line may wait for others, milliseconds: a write each is a seventh of all that passing a request through costs. */
const mostWaitMs = 50

const standardError = () => pino.destination({ dest: 2, sync: true, minLength: 4096 })

/**
 * The server's log. Lines of requests leave together; every other line goes out at once, behind those that wait, and so does everything at the end of
 * the process. Where the log can no longer be written, as when the terminal that shows it is closed, it falls silent: there is nobody left to tell, and
 * a failure thrown from the log would end up in the log again.
 * @param destination keeps what it is given until it is flushed or has enough
 */
export function openLog(level: string, destination: Destination = standardError()): Logger {
  let isLost = false
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    if (!isLost) destination.flush()
  }
  destination.on('error', () => {
    if (isLost) return
    isLost = true
    // It keeps what it could not write, and its flush at the end of the process would try that again for ever.
    destination.destroy()
  })
  process.once('exit', () => timer !== undefined && flush())
  const logMethod = function (this: Logger, args: Parameters<LogFn>, method: LogFn) {
    method.apply(this, args)
    if (args.at(1) !== requestMessage) flush()
    else timer ??= setTimeout(flush, mostWaitMs).unref()
  }
  const write = (line: string) => void (isLost || destination.write(line))
  return pino({ name: 'trimtab', level, hooks: { logMethod } }, { write })
}
