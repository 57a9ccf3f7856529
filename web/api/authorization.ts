let key = ''

/** Every call from now on presents this key; empty: none. */
export function presentKey(presented: string): void {
  key = presented
}

/** The headers that a call needs besides its own. */
export function authorization(): Record<string, string> {
  return key === '' ? {} : { authorization: `Bearer ${key}` }
}
