import { GrammarError } from './grammar-error.ts'
import type { CodePoints } from './parts.ts'

/** A regular expression of ECMAScript, as far as it describes a regular language. */
export type RegexNode =
  | { readonly kind: 'set'; readonly points: readonly CodePoints[] }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly item: RegexNode; readonly least: number; readonly most: number }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }

const lastPoint = 0x10ffff
const deepestGroup = 100
const longestPattern = 10_000
const digit: readonly CodePoints[] = [range('0', '9')]
const word: readonly CodePoints[] = [range('0', '9'), range('A', 'Z'), range('_', '_'), range('a', 'z')]
const blank: readonly CodePoints[] = [
  { low: 0x09, high: 0x0d },
  ...[0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff].map(one),
  { low: 0x2000, high: 0x200a },
]
const lineEnds: readonly CodePoints[] = [one(0x0a), one(0x0d), { low: 0x2028, high: 0x2029 }]
const classes: Readonly<Record<string, readonly CodePoints[]>> = {
  d: digit,
  w: word,
  s: blank,
  D: others(digit),
  W: others(word),
  S: others(blank),
}
const controls: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 }

/** @throws GrammarError for what is too long or no expression, or not a regular one: lookarounds, back references, word borders */
export function parseRegex(pattern: string): RegexNode {
  return new RegexParser(pattern).parse()
}

/** The code points that are not in the set. */
export function others(points: readonly CodePoints[]): readonly CodePoints[] {
  const sorted = [...points].sort((a, b) => a.low - b.low)
  const found: CodePoints[] = []
  let next = 0
  for (const { low, high } of sorted) {
    if (low > next) found.push({ low: next, high: low - 1 })
    next = Math.max(next, high + 1)
  }
  if (next <= lastPoint) found.push({ low: next, high: lastPoint })
  return found
}

class RegexParser {
  readonly #characters: readonly string[]
  readonly #pattern: string
  #at = 0
  #depth = 0

  constructor(pattern: string) {
    this.#pattern = pattern
    if (pattern.length > longestPattern) throw new GrammarError(`a pattern is longer than ${longestPattern} characters`)
    this.#characters = [...pattern]
  }

  parse(): RegexNode {
    const node = this.#choice()
    if (this.#at < this.#characters.length) this.#refuse(`'${this.#peek}' is not expected`)
    return node
  }

  get #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #take(text: string): boolean {
    if (![...text].every((character, i) => this.#characters[this.#at + i] === character)) return false
    this.#at += text.length
    return true
  }

  #refuse(what: string): never {
    throw new GrammarError(
      `the pattern '${this.#pattern}' cannot be decoded under: ${what} (character ${this.#at + 1})`,
    )
  }

  #choice(): RegexNode {
    const items = [this.#sequence()]
    while (this.#take('|')) items.push(this.#sequence())
    return items.length === 1 ? items[0]! : { kind: 'choice', items }
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = []
    while (this.#peek !== undefined && this.#peek !== '|' && this.#peek !== ')') items.push(this.#repeated())
    return { kind: 'sequence', items }
  }

  #repeated(): RegexNode {
    const item = this.#atom()
    const bounds = this.#bounds()
    if (bounds === undefined) return item
    if (item.kind === 'start' || item.kind === 'end') this.#refuse('an anchor cannot be repeated')
    // a lazy expression has the language of the greedy one
    this.#take('?')
    return { kind: 'repeat', item, ...bounds }
  }

  #bounds(): { readonly least: number; readonly most: number } | undefined {
    if (this.#take('*')) return { least: 0, most: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { least: 1, most: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { least: 0, most: 1 }
    if (this.#peek !== '{') return undefined
    const found = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.#characters.slice(this.#at, this.#at + 16).join(''))
    if (found === null) return this.#refuse("'{' begins no repetition")
    this.#at += found[0].length
    const least = Number(found[1])
    const most = found[2] === undefined ? least : found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3])
    if (most < least) this.#refuse('the repetition ends before it begins')
    return { least, most }
  }

  #atom(): RegexNode {
    if (this.#take('^')) return { kind: 'start' }
    if (this.#take('$')) return { kind: 'end' }
    if (this.#take('.')) return { kind: 'set', points: others(lineEnds) }
    if (this.#take('[')) return { kind: 'set', points: this.#class() }
    if (this.#take('(')) return this.#group()
    if (this.#take('\\')) return { kind: 'set', points: this.#escape() }
    const character = this.#characters[this.#at++]!
    if ('*+?{}]'.includes(character)) this.#refuse(`'${character}' must be escaped`)
    return { kind: 'set', points: [one(character.codePointAt(0)!)] }
  }

  #group(): RegexNode {
    if (this.#take('?')) {
      if (this.#take('=') || this.#take('!') || this.#take('<=') || this.#take('<!'))
        this.#refuse('lookarounds are not supported')
      if (this.#take('<')) {
        while (this.#peek !== undefined && this.#peek !== '>') this.#at++
        this.#take('>')
      } else if (!this.#take(':')) this.#refuse("'(?' begins no group that is known")
    }
    if (++this.#depth > deepestGroup) this.#refuse('its groups are nested too deep')
    const node = this.#choice()
    this.#depth--
    if (!this.#take(')')) this.#refuse("')' is missing")
    return node
  }

  #class(): readonly CodePoints[] {
    const negated = this.#take('^')
    const points: CodePoints[] = []
    while (!this.#take(']')) {
      const low = this.#member()
      if (this.#peek !== '-' || this.#characters[this.#at + 1] === ']') points.push(...low)
      else {
        this.#at++
        points.push(this.#span(low, this.#member()))
      }
    }
    // twice: a character that is named many times is one
    return negated ? others(points) : others(others(points))
  }

  #span(low: readonly CodePoints[], high: readonly CodePoints[]): CodePoints {
    const [from, to] = [low[0]?.low, high[0]?.low]
    const single = low.length === 1 && high.length === 1 && from === low[0]?.high && to === high[0]?.high
    if (!single || from === undefined || to === undefined || from > to) return this.#refuse('a range is out of order')
    return { low: from, high: to }
  }

  #member(): readonly CodePoints[] {
    if (this.#take('\\')) return this.#escape(true)
    const character = this.#characters[this.#at++]
    return character === undefined ? this.#refuse("']' is missing") : [one(character.codePointAt(0)!)]
  }

  #escape(inClass = false): readonly CodePoints[] {
    const character = this.#characters[this.#at++]
    if (character === undefined) return this.#refuse('it ends in a backslash')
    const known = Object.hasOwn(classes, character) ? classes[character] : undefined
    if (known !== undefined) return known
    if (Object.hasOwn(controls, character)) return [one(controls[character]!)]
    if (character === 'b' && inClass) return [one(8)]
    if (character === 'x') return [one(this.#hex(/^[0-9a-fA-F]{2}/))]
    if (character === 'u') return [one(this.#unicode())]
    if (/[a-zA-Z0-9]/.test(character)) this.#refuse(`'\\${character}' is not supported`)
    return [one(character.codePointAt(0)!)]
  }

  /** Two escapes of a surrogate pair are one character. */
  #unicode(): number {
    const point = this.#hex(/^(?:[0-9a-fA-F]{4}|\{[0-9a-fA-F]{1,6}\})/)
    const next = this.#characters.slice(this.#at, this.#at + 6).join('')
    if (point < 0xd800 || point > 0xdbff || !/^\\u[dD][c-fC-F]/.test(next)) return point
    this.#take('\\u')
    return 0x10000 + ((point - 0xd800) << 10) + (this.#hex(/^[0-9a-fA-F]{4}/) - 0xdc00)
  }

  #hex(form: RegExp): number {
    const found = form.exec(this.#characters.slice(this.#at, this.#at + 8).join(''))?.[0]
    if (found === undefined) return this.#refuse('an escape is cut short')
    this.#at += found.length
    const point = Number.parseInt(found.replaceAll(/[{}]/g, ''), 16)
    return point > lastPoint ? this.#refuse('there is no such character') : point
  }
}

function one(point: number): CodePoints {
  return { low: point, high: point }
}

function range(low: string, high: string): CodePoints {
  return { low: low.codePointAt(0)!, high: high.codePointAt(0)! }
}
