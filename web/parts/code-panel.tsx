import { useSignal } from '@preact/signals'
import { apiKey } from '../state/api-key.ts'
import { connection } from '../state/connection.ts'
import { type Language, languages, snippet } from '../state/snippets.ts'
import { setting } from '../state/store.ts'
import { alignedRequest } from '../state/to-request.ts'
import { CopyButton } from './copy-button.tsx'

/** The request as a program would send it. */
export function CodePanel() {
  const language = useSignal<Language>('curl')
  const wantsKey = apiKey.value !== '' || connection.value === 'locked'
  const code = snippet(language.value, alignedRequest(setting.value), { origin: location.origin, wantsKey })
  return (
    <div class="code">
      <div class="code-bar">
        <div class="segments">
          {languages.map((one) => (
            <label key={one} class={one === language.value ? 'segment on' : 'segment'}>
              <input
                type="radio"
                name="language"
                checked={one === language.value}
                onChange={() => {
                  language.value = one
                }}
              />
              {one}
            </label>
          ))}
        </div>
        <CopyButton text={() => code} label="Copy" />
      </div>
      {/* what scrolls must be reachable by keys */}
      <pre tabIndex={0} role="region" aria-label={`The request in ${language.value}`}>
        {code}
      </pre>
    </div>
  )
}
