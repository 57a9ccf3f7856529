import { signal } from '@preact/signals'

const key = 'trimtab.prompts'

/** Prompts kept in this browser, the newest first. */
export const savedPrompts = signal<readonly string[]>(load())

export function savePrompt(prompt: string): void {
  const text = prompt.trim()
  if (text !== '') store([text, ...savedPrompts.value.filter((one) => one !== text)])
}

export function forgetPrompt(prompt: string): void {
  store(savedPrompts.value.filter((one) => one !== prompt))
}

function store(prompts: readonly string[]): void {
  savedPrompts.value = prompts
  localStorage.setItem(key, JSON.stringify(prompts))
}

function load(): readonly string[] {
  const text = localStorage.getItem(key)
  if (text === null) return []
  try {
    const found: unknown = JSON.parse(text)
    return Array.isArray(found) ? found.filter((one) => typeof one === 'string') : []
  } catch (error) {
    // somebody else's value under our key
    if (error instanceof SyntaxError) return []
    throw error
  }
}
