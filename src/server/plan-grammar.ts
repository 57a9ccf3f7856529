import { InvalidRequestError } from '../decoding/errors.ts'
import { GrammarError } from '../decoding/grammar/grammar-error.ts'
import type { TokenGrammar } from '../decoding/grammar/token-grammar.ts'
import type { ServedModel } from '../decoding/served-model.ts'
import type { GenerationRequest } from './engine-messages.ts'

/**
 * The request's grammar over the model's tokens.
 * @throws InvalidRequestError naming the field, and in it the part of a schema that cannot be honoured
 */
export function planGrammar(
  { grammar, sampling }: GenerationRequest,
  { name, grammars }: ServedModel,
): { readonly grammar?: TokenGrammar } {
  if (grammar === undefined) return {}
  const { spec, param } = grammar
  if (grammars === undefined)
    throw new InvalidRequestError(
      `'${param}': '${name}' is decoded elsewhere, and only the own engine decodes under a grammar.`,
      param,
    )
  if (sampling.ignoreEos)
    throw new InvalidRequestError("'ignore_eos': an answer under a grammar ends where that is complete.", 'ignore_eos')
  try {
    return { grammar: grammars.get(spec) }
  } catch (error) {
    throw inField(error, param)
  }
}

/** A grammar that turns out to be too much on the way is the request's fault as well. */
export function inField(error: unknown, param: string): unknown {
  if (!(error instanceof GrammarError)) return error
  const place = error.path === '' ? '' : ` at ${error.path}`
  return new InvalidRequestError(`'${param}'${place}: ${error.message}.`, param)
}
