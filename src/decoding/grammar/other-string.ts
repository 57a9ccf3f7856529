import type { JsonRules } from './json-rules.ts'
import type { Part } from './network.ts'

/** A JSON string without escapes that is none of the names. */
export function otherString(rules: JsonRules, names: readonly string[]): Part {
  return (from) => {
    const end = rules.net.state()
    const anything = rules.net.state()
    const loop = rules.star(rules.characters(without([])))(anything)
    rules.net.read(loop, 0x22, 0x22, end)
    const rests = [...new Set(names)].map((name) => [...name])
    unlike(rules, rests, rules.literal('"')(from), { anything, end })
    return end
  }
}

/** Texts that differ from all the given rests: a character that none goes on with, and then anything; or an end where none ends. */
function unlike(
  rules: JsonRules,
  rests: readonly (readonly string[])[],
  at: number,
  to: { readonly anything: number; readonly end: number },
): void {
  const next = new Map<number, (readonly string[])[]>()
  for (const [first, ...rest] of rests) {
    if (first === undefined) continue
    const point = first.codePointAt(0)!
    next.set(point, [...(next.get(point) ?? []), rest])
  }
  const taken = [...next.keys()].sort((a, b) => a - b)
  rules.net.skip(rules.characters(without(taken))(at), to.anything)
  if (rests.every((rest) => rest.length > 0)) rules.net.read(at, 0x22, 0x22, to.end)
  for (const [point, follow] of next)
    if (mayStand(point)) unlike(rules, follow, rules.characters([{ low: point, high: point }])(at), to)
}

const mayStand = (point: number): boolean => point >= 0x20 && point !== 0x22 && point !== 0x5c

/** Characters that stand for themselves in a string, but the given ones (in order). */
function without(points: readonly number[]) {
  const found: { low: number; high: number }[] = []
  let low = 0x20
  for (const point of [...new Set([...points, 0x22, 0x5c])].sort((a, b) => a - b)) {
    if (point > low) found.push({ low, high: point - 1 })
    low = Math.max(low, point + 1)
  }
  return [...found, { low, high: 0x10ffff }]
}
