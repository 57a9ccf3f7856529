import { apiKey } from '../state/api-key.ts'
import { connection, refusal, useKey } from '../state/connection.ts'
import { ErrorNote } from './error-note.tsx'

/** Asks for the API key of a server that wants one, and shows while there is one that it can be changed or forgotten. */
export function KeyForm() {
  const locked = connection.value === 'locked'
  const held = apiKey.value !== ''
  if (!locked && !held) return null
  return (
    <form class="key-form" onSubmit={submit}>
      <div class="key-line">
        <label class="field inline">
          <span>API key</span>
          {/* what a header can carry */}
          <input
            name="key"
            type="password"
            autocomplete="off"
            required
            pattern="[!-~]+"
            placeholder={held ? '•••' : ''}
          />
        </label>
        <button type="submit" class={locked ? 'main' : 'quiet'}>
          {held ? 'Change' : 'Use'}
        </button>
        {held ? (
          <button type="button" class="quiet" onClick={() => useKey('')}>
            Forget
          </button>
        ) : null}
        <p class="remedy">
          {locked ? 'This server wants an API key.' : 'Sent with every request.'} It stays in this tab, until it is
          closed.
        </p>
      </div>
      {locked && held ? <ErrorNote error={refusal.value} /> : null}
    </form>
  )
}

function submit(event: SubmitEvent): void {
  event.preventDefault()
  const form = event.currentTarget as HTMLFormElement
  useKey(String(new FormData(form).get('key')).trim())
  form.reset()
}
