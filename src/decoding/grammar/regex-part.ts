import { GrammarError } from './grammar-error.ts'
import type { JsonRules } from './json-rules.ts'
import type { Part } from './network.ts'
import type { CodePoints } from './parts.ts'
import { parseRegex, type RegexNode } from './regex-syntax.ts'

const anyPoints: readonly CodePoints[] = [{ low: 0, high: 0x10ffff }]

/** Characters that a JSON string cannot hold as they are, and how it writes them. */
const escaped: ReadonlyMap<number, string> = new Map(
  [...Array.from({ length: 0x20 }, (_, point) => point), 0x22, 0x5c].map((point) => [
    point,
    JSON.stringify(String.fromCodePoint(point)).slice(1, -1),
  ]),
)
const plain: readonly CodePoints[] = [
  { low: 0x20, high: 0x21 },
  { low: 0x23, high: 0x5b },
  { low: 0x5d, high: 0x10ffff },
]

/**
 * A JSON string whose value the pattern matches somewhere, as JSON Schema means it; every character is written in one way.
 * @throws GrammarError
 */
export function patternString(rules: JsonRules, pattern: string): Part {
  return rules.sequence(rules.literal('"'), new RegexPart(rules).searched(parseRegex(pattern)), rules.literal('"'))
}

class RegexPart {
  readonly #rules: JsonRules

  constructor(rules: JsonRules) {
    this.#rules = rules
  }

  /** The whole value: what an end is not anchored at may be anything. */
  searched(node: RegexNode): Part {
    if (node.kind === 'choice') return this.#rules.choice(...node.items.map((item) => this.searched(item)))
    const items = node.kind === 'sequence' ? node.items : [node]
    const only = items.length === 1 ? items[0]! : undefined
    if (only?.kind === 'choice' || only?.kind === 'sequence') return this.searched(only)
    const anchored = { start: items[0]?.kind === 'start', end: items.at(-1)?.kind === 'end' }
    const inner = items.slice(anchored.start ? 1 : 0, anchored.end ? -1 : undefined)
    const anything = this.#rules.star(this.#characters(anyPoints))
    return this.#rules.sequence(
      ...(anchored.start ? [] : [anything]),
      ...inner.map((item) => this.#part(item)),
      ...(anchored.end ? [] : [anything]),
    )
  }

  #part(node: RegexNode): Part {
    switch (node.kind) {
      case 'set':
        return this.#characters(node.points)
      case 'sequence':
        return this.#rules.sequence(...node.items.map((item) => this.#part(item)))
      case 'choice':
        return this.#rules.choice(...node.items.map((item) => this.#part(item)))
      case 'repeat':
        return this.#rules.repeat(this.#part(node.item), node.least, node.most)
      case 'start':
      case 'end':
        throw new GrammarError('a pattern has its anchors at its ends only')
    }
  }

  #characters(points: readonly CodePoints[]): Part {
    const within = (point: number) => points.some(({ low, high }) => low <= point && point <= high)
    const shown = plain.flatMap((range) =>
      points.flatMap(({ low, high }) => {
        const both = { low: Math.max(low, range.low), high: Math.min(high, range.high) }
        return both.low <= both.high ? [both] : []
      }),
    )
    const escapes = [...escaped].flatMap(([point, text]) => (within(point) ? [this.#rules.literal(text)] : []))
    return this.#rules.choice(this.#rules.characters(shown), ...escapes)
  }
}
