import type { NetworkBuilder, Part } from './network.ts'
import { type CodePoints, Parts } from './parts.ts'

/** Digits of a whole number: what a double holds exactly. */
export const mostDigits = 15

const digits: readonly CodePoints[] = [{ low: 0x30, high: 0x39 }]
const oneToNine: readonly CodePoints[] = [{ low: 0x31, high: 0x39 }]
const hex: readonly CodePoints[] = [...digits, { low: 0x41, high: 0x46 }, { low: 0x61, high: 0x66 }]
/** The escapes of surrogates begin with D. */
const hexButD: readonly CodePoints[] = [...digits, ...[...'ABCEFabcef'].map(pointOf)]
const lastPoint = 0x10ffff

/** Characters that stand for themselves in a JSON string. */
const plain: readonly CodePoints[] = [
  { low: 0x20, high: 0x21 },
  { low: 0x23, high: 0x5b },
  { low: 0x5d, high: lastPoint },
]

/**
 * JSON texts (RFC 8259) as rules, with two bounds that keep an answer from running away: numbers have at most 15 digits on
 * each side of the point and two in the exponent, and white space is what people write, a space or line ends with an indent.
 */
export class JsonRules extends Parts {
  readonly #named = new Map<string, number>()

  /** Nothing, a space, or one or two line ends and up to 20 blanks: after an opening, a comma and a colon, and before a closing. */
  get space(): Part {
    return this.#rule('space', () => {
      const ends = this.repeat(this.literal('\n'), 1, 2)
      const blank = this.choice(this.literal(' '), this.literal('\t'))
      return this.optional(this.choice(this.literal(' '), this.sequence(ends, this.repeat(blank, 0, 20))))
    })
  }

  /** One character of a string as it may be written, escapes included; no half of a surrogate pair. */
  get character(): Part {
    const notSurrogate = this.choice(
      this.sequence(this.characters(hexButD), this.times(this.characters(hex), 3)),
      this.sequence(
        this.characters(['D', 'd'].map(pointOf)),
        this.characters([{ low: 0x30, high: 0x37 }]),
        this.times(this.characters(hex), 2),
      ),
    )
    const escaped = this.choice(
      this.characters([...'"\\/bfnrt'].map(pointOf)),
      this.sequence(this.literal('u'), notSurrogate),
    )
    return this.choice(this.characters(plain), this.sequence(this.literal('\\'), escaped))
  }

  /** A string of `least` to `most` characters. */
  string(least = 0, most = Number.POSITIVE_INFINITY): Part {
    return this.#rule(`string ${least} ${most}`, () => {
      const character = most === Number.POSITIVE_INFINITY && least === 0 ? this.character : this.#character
      return this.sequence(this.literal('"'), this.repeat(character, least, most), this.literal('"'))
    })
  }

  get wholeNumber(): Part {
    return this.#rule('whole number', () => this.sequence(this.optional(this.literal('-')), this.#digits))
  }

  get number(): Part {
    return this.#rule('number', () => {
      const digit = this.characters(digits)
      const sign = this.optional(this.characters(['+', '-'].map(pointOf)))
      const fraction = this.sequence(this.literal('.'), this.repeat(digit, 1, mostDigits))
      const exponent = this.sequence(this.characters(['e', 'E'].map(pointOf)), sign, this.repeat(digit, 1, 2))
      const minus = this.optional(this.literal('-'))
      return this.sequence(minus, this.#digits, this.optional(fraction), this.optional(exponent))
    })
  }

  /** Any JSON value. */
  get value(): Part {
    return this.#rule('value', () =>
      this.choice(
        this.object,
        this.list(this.value),
        this.string(),
        this.number,
        ...['true', 'false', 'null'].map((name) => this.literal(name)),
      ),
    )
  }

  /** Any JSON object. */
  get object(): Part {
    return this.#rule('object', () => this.members(this.string(), this.value))
  }

  /** An object of any number of members. */
  members(key: Part, value: Part): Part {
    return this.enclosed('{', this.optional(this.separated(this.member(key, value), 0)), '}')
  }

  member(key: Part, value: Part): Part {
    return this.sequence(key, this.literal(':'), this.space, value)
  }

  list(item: Part): Part {
    return this.enclosed('[', this.optional(this.separated(item, 0)), ']')
  }

  enclosed(open: string, inside: Part, close: string): Part {
    return this.sequence(this.literal(open), this.space, inside, this.space, this.literal(close))
  }

  get comma(): Part {
    return this.sequence(this.literal(','), this.space)
  }

  /** An item, then `least` to `most` further ones. */
  separated(item: Part, least: number, most = Number.POSITIVE_INFINITY): Part {
    return this.sequence(item, this.repeat(this.sequence(this.comma, item), least, most))
  }

  times(part: Part, count: number): Part {
    return this.sequence(...Array.from({ length: count }, () => part))
  }

  get #character(): Part {
    return this.#rule('character', () => this.character)
  }

  get #digits(): Part {
    const more = this.repeat(this.characters(digits), 0, mostDigits - 1)
    return this.choice(this.literal('0'), this.sequence(this.characters(oneToNine), more))
  }

  /** A rule of this name, written when it is first asked for; it may then ask for itself. */
  #rule(name: string, part: () => Part): Part {
    const known = this.#named.get(name)
    if (known !== undefined) return this.call(known)
    const start = this.net.state()
    this.#named.set(name, start)
    this.net.define(start, part())
    return this.call(start)
  }
}

export function jsonRules(net: NetworkBuilder): JsonRules {
  return new JsonRules(net)
}

function pointOf(character: string): CodePoints {
  const point = character.codePointAt(0)!
  return { low: point, high: point }
}
