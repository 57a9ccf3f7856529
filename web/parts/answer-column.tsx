import type { Column } from '../state/column.ts'

export function AnswerColumn({ title, column }: { readonly title: string; readonly column: Column }) {
  const { text, status, error } = column.answer.value
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <p>{text}</p>
      <p>{status}</p>
      {error instanceof Error ? <p role="alert">{error.message}</p> : null}
    </section>
  )
}
