import { Unreachable } from '../api/ask.ts'
import { ServerError } from '../api/server-error.ts'

/** What to do beyond what the message says, by the code of docs/errors.md. */
const remedies: Readonly<Record<string, string>> = {
  unsupported_parameter: 'Leave the field out.',
  invalid_api_key: 'Enter a key that this server knows.',
  not_allowed_for_key: 'Choose what the key may use, or another key.',
  context_length_exceeded: 'Shorten the prompt or the principle, or lower the most tokens.',
  model_not_found: 'Choose another model at the top.',
  rate_limit_exceeded: 'The server is full: wait a moment, or ask for fewer candidates or particles.',
  client_too_slow: 'Ask for less at once.',
  engine_error: 'Run it again; if it repeats, it is worth a report.',
  reward_failed: 'Choose another reward.',
  engine_unavailable: 'The engine is starting: the page asks again by itself.',
  shutting_down: 'The server is going down: the page asks again when one is there.',
}

export function ErrorNote({ error }: { readonly error: unknown }) {
  return (
    <div class="error" role="alert">
      <p>{error instanceof Error ? error.message : String(error)}</p>
      {error instanceof ServerError && error.param !== undefined ? (
        <p>
          Field <code>{error.param}</code>
        </p>
      ) : null}
      <p class="remedy">{remedyFor(error)}</p>
    </div>
  )
}

function remedyFor(error: unknown): string {
  if (error instanceof Unreachable) return 'The page asks again as soon as the server is back.'
  if (!(error instanceof ServerError)) return 'This is a mistake of the page: reload it, and report it if it repeats.'
  const known = error.code === undefined ? undefined : remedies[error.code]
  return known ?? (error.param === undefined ? 'Run it again.' : 'Correct this field; the message says what it may be.')
}
