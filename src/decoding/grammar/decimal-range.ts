import { GrammarError } from './grammar-error.ts'
import { type JsonRules, mostDigits } from './json-rules.ts'
import type { Part } from './network.ts'

/** Bounds of a number; infinite where there is none. */
export interface NumberBounds {
  readonly least: number
  readonly most: number
  readonly aboveLeast: boolean
  readonly belowMost: boolean
}

const largest = 10 ** mostDigits - 1

/**
 * Numbers between two bounds, written without exponent and with at most 15 digits in all: so many tell any two numbers apart, while with
 * more, a text below a bound could be read as the bound itself.
 */
export function decimalRange(rules: JsonRules, bounds: NumberBounds, wholeNumbers: boolean): Part {
  const { least, most, aboveLeast, belowMost } = bounds
  if (least > most || (least === most && (aboveLeast || belowMost)))
    throw new GrammarError(`no number is between ${least} and ${most}`)
  if (least > largest || most < -largest)
    throw new GrammarError(`numbers are written with at most ${mostDigits} digits before the point`)
  const fractionDigits = wholeNumbers ? 0 : mostDigits
  const signs: Part[] = []
  if (most >= 0) {
    const low = digitsOf(Math.max(least, 0), aboveLeast && least >= 0)
    signs.push(unsigned(rules, low, digitsOf(most, belowMost), fractionDigits))
  }
  if (least < 0) {
    const low = digitsOf(Math.max(-most, 0), belowMost && most <= 0)
    const part = unsigned(rules, low, digitsOf(-least, aboveLeast), fractionDigits)
    signs.push(rules.sequence(rules.literal('-'), part))
  }
  return rules.choice(...signs)
}

/** A bound without its sign, as digits. */
interface Digits {
  readonly whole: string
  readonly fraction: string
  /** The bound itself is out. */
  readonly strict: boolean
}

function digitsOf(value: number, strict: boolean): Digits {
  if (value > largest) return { whole: '9'.repeat(mostDigits), fraction: '9'.repeat(mostDigits), strict: false }
  // the shortest text that is read as this number; its digits need not be those of the number's exact value
  const [mantissa = '', exponent] = value.toExponential().split('e')
  const point = Number(exponent) + 1
  const digits = mantissa.replace('.', '')
  const padded = point > 0 ? digits.padEnd(point, '0') : '0'.repeat(1 - point) + digits
  const cut = Math.max(point, 1)
  return { whole: padded.slice(0, cut), fraction: padded.slice(cut).replace(/0+$/, ''), strict }
}

function unsigned(rules: JsonRules, low: Digits, high: Digits, fractionDigits: number): Part {
  return (from) => {
    const end = rules.net.state()
    for (let length = low.whole.length; length <= high.whole.length; length++) {
      const least = length > low.whole.length ? { whole: '1'.padEnd(length, '0'), fraction: '', strict: false } : low
      const nines = { whole: '9'.repeat(length), fraction: '9'.repeat(mostDigits), strict: false }
      const most = length < high.whole.length ? nines : high
      const behindPoint = Math.min(fractionDigits, mostDigits - length)
      new DigitsBetween(rules, least, most, behindPoint, end).write(from, 0, { low: true, high: true })
    }
    return end
  }
}

/** Whether the digits so far equal the bound's, so that its next digit still matters. */
interface Tight {
  readonly low: boolean
  readonly high: boolean
}

/** Two bounds with the same number of digits before the point, and all that lies between them, digit by digit. */
class DigitsBetween {
  readonly #rules: JsonRules
  readonly #low: Digits
  readonly #high: Digits
  readonly #fractionDigits: number
  readonly #length: number
  readonly #end: number
  readonly #free = new Map<number, number>()

  constructor(rules: JsonRules, low: Digits, high: Digits, fractionDigits: number, end: number) {
    this.#rules = rules
    this.#low = low
    this.#high = high
    this.#fractionDigits = fractionDigits
    this.#length = low.whole.length
    this.#end = end
  }

  /** The digit at `position` and all that may follow; the point is before the position `length`. */
  write(from: number, position: number, tight: Tight): void {
    const { net } = this.#rules
    if (position >= this.#length && this.#mayEnd(position - this.#length, tight)) net.skip(from, this.#end)
    if (position >= this.#length + this.#fractionDigits) return
    const at = position === this.#length ? this.#point(from) : from
    const [least, most] = this.#between(position, tight)
    for (let digit = least; digit <= most; digit++) {
      if (position === 0 && digit === 0 && this.#length > 1) continue
      const next = { low: tight.low && digit === least, high: tight.high && digit === most }
      const settled = !next.low && !next.high
      const to = settled ? this.#anyDigits(position + 1) : net.state()
      net.read(at, 0x30 + digit, 0x30 + digit, to)
      if (!settled) this.write(to, position + 1, next)
    }
  }

  #point(from: number): number {
    const at = this.#rules.net.state()
    this.#rules.net.read(from, 0x2e, 0x2e, at)
    return at
  }

  #between(position: number, { low, high }: Tight): readonly [number, number] {
    const at = ({ whole, fraction }: Digits) =>
      Number((position < this.#length ? whole[position] : fraction[position - this.#length]) ?? 0)
    return [low ? at(this.#low) : 0, high ? at(this.#high) : 9]
  }

  /** The state from which digits are free, before the position. */
  #anyDigits(position: number): number {
    const known = this.#free.get(position)
    if (known !== undefined) return known
    const { net } = this.#rules
    const from = net.state()
    this.#free.set(position, from)
    if (position >= this.#length) net.skip(from, this.#end)
    if (position < this.#length + this.#fractionDigits) {
      const at = position === this.#length ? this.#point(from) : from
      net.read(at, 0x30, 0x39, this.#anyDigits(position + 1))
    }
    return from
  }

  /** Whether the digits so far, with nothing but zeros behind them, are within the bounds. */
  #mayEnd(fractionDigits: number, { low, high }: Tight): boolean {
    const more = ({ fraction }: Digits) => /[1-9]/.test(fraction.slice(fractionDigits))
    if (low && (more(this.#low) || this.#low.strict)) return false
    return !(high && !more(this.#high) && this.#high.strict)
  }
}
