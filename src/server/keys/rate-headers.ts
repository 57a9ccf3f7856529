import type { BucketState } from './token-bucket.ts'

/** The headers that OpenAI's API sends, as clients and proxies read them. */
export function rateHeaders(kind: 'requests' | 'tokens', { limit, remaining, resetMs }: BucketState) {
  return {
    [`x-ratelimit-limit-${kind}`]: String(limit),
    [`x-ratelimit-remaining-${kind}`]: String(remaining),
    [`x-ratelimit-reset-${kind}`]: duration(resetMs),
  }
}

/** `12ms`, `7s`, `1m0s`: a duration as Go writes it, which is what OpenAI sends. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`
  const seconds = Math.ceil(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
