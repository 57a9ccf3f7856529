/** Nats and rewards with their sign, by a minus that is as wide as the plus. */
export function signed(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return value > 0 ? '+∞' : '−∞'
  const text = Math.abs(value).toFixed(digits)
  if (Number(text) === 0) return text
  return `${value < 0 ? '−' : '+'}${text}`
}

/** A probability, to a digit that still says something. */
export function percent(logprob: number): string {
  const share = Math.exp(logprob) * 100
  if (share >= 99.95) return '100 %'
  if (share >= 1) return `${share.toFixed(1)} %`
  return share >= 0.01 ? `${share.toFixed(2)} %` : '< 0.01 %'
}

export const milliseconds = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`)

/** A token to read: spaces and line ends made visible where they would not show. */
export function readable(text: string): string {
  if (text === '') return '⌫'
  const shown = text.replaceAll('\n', '↵').replaceAll('\t', '⇥')
  return shown.trim() === '' ? shown.replaceAll(' ', '␣') : shown
}
