import type { NetworkBuilder, Part } from './network.ts'

/** One of the texts; what they begin with in common is read once. */
export function literals(net: NetworkBuilder, texts: readonly string[]): Part {
  return (from) => {
    const end = net.state()
    const next = new Map<string, number>()
    for (const text of new Set(texts)) {
      let at = from
      for (const byte of Buffer.from(text, 'utf8')) {
        const key = `${at} ${byte}`
        const known = next.get(key)
        const to = known ?? net.state()
        if (known === undefined) net.read(at, byte, byte, to)
        next.set(key, to)
        at = to
      }
      net.skip(at, end)
    }
    return end
  }
}
