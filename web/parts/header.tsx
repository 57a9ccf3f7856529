import { type Connection, connection } from '../state/connection.ts'
import { offer, setting, steer } from '../state/store.ts'
import { type Theme, theme } from '../state/view.ts'
import { CopyButton } from './copy-button.tsx'

const said: Readonly<Record<Connection, string>> = {
  connecting: 'connecting',
  ready: 'ready',
  loading: 'loading its models',
  locked: 'wants an API key',
  away: 'not reachable, trying again',
}

const nextTheme: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' }
const themeSign: Readonly<Record<Theme, string>> = { auto: '◐', light: '☀', dark: '☾' }

export function Header() {
  return (
    <header class="top">
      <h1>
        <Rudder />
        trimtab
      </h1>
      <p class="tagline">a little force at the rudder turns the whole ship</p>
      <span class={`connection ${connection.value}`} role="status">
        {said[connection.value]}
      </span>
      <label class="field inline">
        <span>Model</span>
        <select value={setting.value.model} onChange={({ currentTarget }) => steer({ model: currentTarget.value })}>
          {offer.value?.models.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
      </label>
      <CopyButton text={() => location.href} label="Copy link" />
      <button
        type="button"
        class="quiet"
        aria-label={`Theme: ${theme.value}`}
        title={`Theme: ${theme.value}`}
        onClick={() => {
          theme.value = nextTheme[theme.value]
        }}
      >
        {themeSign[theme.value]}
      </button>
    </header>
  )
}

function Rudder() {
  return (
    <svg class="rudder" viewBox="0 0 24 24" aria-hidden="true">
      <path class="blade" d="M5 3h8v18H5z" />
      <path class="tab" d="m14.500 11 6 2v5l-6 2z" />
    </svg>
  )
}
