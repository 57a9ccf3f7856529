import { Answers } from './parts/answers.tsx'
import { Header } from './parts/header.tsx'
import { Panels } from './parts/panels.tsx'
import { PromptBar } from './parts/prompt-bar.tsx'
import { Steering } from './parts/steering.tsx'
import { useShortcuts } from './parts/use-shortcuts.ts'

export function App() {
  useShortcuts()
  return (
    <>
      <Header />
      <main class="page">
        <PromptBar />
        <Steering />
        <Answers />
        <Panels />
      </main>
      <footer class="hints">
        <kbd>/</kbd> prompt <kbd>Enter</kbd> run <kbd>Esc</kbd> stop <kbd>←</kbd>
        <kbd>→</kbd> words <kbd>double click</kbd> a slider: zero
      </footer>
    </>
  )
}
