import { type ToolFormat, type ToolOffer, type ToolSyntax, toolSyntax } from '../tool-calls.ts'
import { GrammarError } from './grammar-error.ts'
import type { JsonRules } from './json-rules.ts'
import { SchemaCompiler } from './json-schema.ts'
import type { Part } from './network.ts'
import { isObject } from './schema-keywords.ts'

/** Most calls of one answer: a model that goes on and on would otherwise never end. */
export const mostCalls = 8

/**
 * Calls of the offered tools in the format of a model, their arguments by the tools' schemas. With the choice `auto` the answer may as
 * well be what `otherwise` allows, or, where that is undefined, any text with calls behind it.
 * @throws GrammarError with the tool whose parameters cannot be decoded under
 */
export function toolCallPart(
  rules: JsonRules,
  format: ToolFormat,
  offer: ToolOffer,
  otherwise: Part | undefined,
): Part {
  const syntax = toolSyntax[format]
  const { choice, definitions, parallel } = offer
  const chosen =
    typeof choice === 'object' ? definitions.filter((tool) => tool.function.name === choice.name) : definitions
  const one = anyCall(rules, syntax, chosen, definitions)
  const several = parallel && typeof choice !== 'object' && syntax.trigger !== ''
  const more = several ? rules.repeat(rules.sequence(rules.literal(syntax.between), one), 0, mostCalls - 1) : undefined
  const calls = rules.sequence(
    rules.literal(syntax.open),
    ...(more === undefined ? [one] : [one, more]),
    rules.literal(syntax.close),
  )
  const marked = rules.sequence(rules.literal(syntax.trigger), calls)
  if (choice !== 'auto') return marked
  if (otherwise !== undefined) return rules.choice(otherwise, marked)
  return syntax.trigger === '' ? rules.choice(calls, anyTextBut(rules, 0x7b)) : textUntil(rules, syntax.trigger, calls)
}

/** A call of one of the tools, as a rule, for it may come several times. */
function anyCall(
  rules: JsonRules,
  { argumentsKey }: ToolSyntax,
  chosen: ToolOffer['definitions'],
  definitions: ToolOffer['definitions'],
): Part {
  const parts = chosen.map((tool) => {
    const { name, parameters } = tool.function
    const opening = `{"name": ${JSON.stringify(name)}, "${argumentsKey}": `
    return rules.sequence(
      rules.literal(opening),
      argumentsPart(rules, parameters, definitions.indexOf(tool)),
      rules.literal('}'),
    )
  })
  return rules.call(rules.net.rule(rules.choice(...parts)))
}

function argumentsPart(rules: JsonRules, parameters: unknown, tool: number): Part {
  try {
    if (!isObject(parameters) || !(parameters['type'] === 'object' || Object.keys(parameters).length === 0))
      throw new GrammarError('arguments are an object, so the schema must have the type object', '#')
    return Object.keys(parameters).length === 0 ? rules.object : new SchemaCompiler(rules, parameters).whole()
  } catch (error) {
    if (error instanceof GrammarError) throw new GrammarError(error.message, error.path, tool)
    throw error
  }
}

/** Any bytes, until the trigger has come; it is a search of Knuth, Morris and Pratt, written as states. */
function textUntil(rules: JsonRules, trigger: string, calls: Part): Part {
  return (from) => {
    const { net } = rules
    const word = [...Buffer.from(trigger, 'utf8')]
    const states = word.map(() => net.state())
    const end = net.state()
    const begun = net.state()
    net.skip(from, states[0]!)
    const letters = [...new Set(word)].sort((a, b) => a - b)
    for (const [matched, state] of states.entries()) {
      net.skip(state, end)
      let low = 0
      for (const letter of [...letters, 256]) {
        if (low < letter) net.read(state, low, letter - 1, states[0]!)
        low = letter + 1
        if (letter === 256) continue
        const next = longestBorder(word, matched, letter)
        net.read(state, letter, letter, next === word.length ? begun : states[next]!)
      }
    }
    net.skip(calls(begun), end)
    return end
  }
}

/** How much of the word the text ends with, after so much of it and one more byte. */
function longestBorder(word: readonly number[], matched: number, byte: number): number {
  const text = [...word.slice(0, matched), byte]
  for (let length = text.length; length > 0; length--)
    if (word.slice(0, length).every((one, i) => one === text[text.length - length + i])) return length
  return 0
}

/** Any bytes, but for the first one. */
function anyTextBut(rules: JsonRules, byte: number): Part {
  return (from) => {
    const { net } = rules
    const [text, end] = [net.state(), net.state()]
    net.skip(from, end)
    net.skip(text, end)
    net.read(from, 0, byte - 1, text)
    net.read(from, byte + 1, 255, text)
    net.read(text, 0, 255, text)
    return end
  }
}
