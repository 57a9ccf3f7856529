import { type Example, fittingExamples } from '../state/examples.ts'
import { forgetPrompt, savedPrompts, savePrompt } from '../state/saved.ts'
import { startSetting } from '../state/setting.ts'
import { busy, edit, notice, offer, run, setting, steer, stop } from '../state/store.ts'
import { panel } from '../state/view.ts'
import { KeyForm } from './key-form.tsx'
import { NumberField } from './number-field.tsx'
import { runOnEnter } from './run-on-enter.ts'

export function PromptBar() {
  const { prompt, system, seed, temperature, maxTokens } = setting.value
  return (
    <section class="prompt-bar card" aria-label="Prompt">
      <KeyForm />
      <div class="prompt-line">
        <textarea
          id="prompt"
          aria-label="Prompt"
          placeholder="Ask something"
          rows={1}
          value={prompt}
          onInput={({ currentTarget }) => edit({ prompt: currentTarget.value })}
          onKeyDown={runOnEnter}
        />
        {busy.value ? (
          <button type="button" class="main" onClick={stop}>
            Stop
          </button>
        ) : (
          <button type="button" class="main" onClick={run}>
            Run
          </button>
        )}
      </div>
      <div class="prompt-options">
        <NumberField
          label="Seed"
          value={seed}
          least={0}
          most={Number.MAX_SAFE_INTEGER}
          onChange={(value) => steer({ seed: value })}
        />
        <button
          type="button"
          class="quiet"
          title="Another seed"
          aria-label="Another seed"
          onClick={() => steer({ seed: Math.floor(Math.random() * 10_000) })}
        >
          ⚄
        </button>
        <NumberField
          label="Temperature"
          value={temperature}
          least={0}
          most={2}
          step={0.1}
          onChange={(value) => steer({ temperature: value })}
        />
        <NumberField
          label="Most tokens"
          value={maxTokens}
          least={1}
          most={100_000}
          onChange={(value) => steer({ maxTokens: value })}
        />
        <details class="system">
          <summary>System message</summary>
          <textarea
            aria-label="System message"
            rows={2}
            value={system}
            onInput={({ currentTarget }) => edit({ system: currentTarget.value })}
            onChange={run}
          />
        </details>
      </div>
      <Prompts />
      {notice.value === '' ? null : (
        <p class="notice" role="status">
          {notice.value}
        </p>
      )}
    </section>
  )
}

function Prompts() {
  const { prompt, model } = setting.value
  const examples = offer.value === undefined ? [] : fittingExamples(offer.value)
  const show = ({ setting: shown }: Example) => {
    if (shown.method !== undefined) panel.value = 'population'
    steer({ ...startSetting, model, ...shown })
  }
  const isSaved = savedPrompts.value.includes(prompt.trim())
  return (
    <ul class="chips" aria-label="Examples and saved prompts">
      {examples.map((example) => (
        <li key={example.title}>
          <button type="button" class="chip" onClick={() => show(example)}>
            {example.title}
          </button>
        </li>
      ))}
      {savedPrompts.value.map((saved) => (
        <li key={saved} class="saved">
          <button type="button" class="chip" title={saved} onClick={() => steer({ prompt: saved })}>
            {saved}
          </button>
          <button type="button" class="forget" aria-label={`Forget: ${saved}`} onClick={() => forgetPrompt(saved)}>
            ×
          </button>
        </li>
      ))}
      <li>
        <button
          type="button"
          class="chip add"
          disabled={prompt.trim() === '' || isSaved}
          onClick={() => savePrompt(prompt)}
        >
          {isSaved ? '★ Saved' : '☆ Save prompt'}
        </button>
      </li>
    </ul>
  )
}
