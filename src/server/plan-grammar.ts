import { InvalidRequestError } from '../decoding/errors.ts'
import { GrammarError } from '../decoding/grammar/grammar-error.ts'
import type { GrammarSpec } from '../decoding/grammar/grammar-spec.ts'
import type { TokenGrammar } from '../decoding/grammar/token-grammar.ts'
import type { ServedModel } from '../decoding/served-model.ts'
import type { ToolFormat } from '../decoding/tool-calls.ts'
import type { GenerationRequest } from './engine-messages.ts'

/** How a model writes calls: as its template says, or as we tell it where that knows of no tools. */
export const toolFormatOf = ({ chatTemplate }: ServedModel): ToolFormat => chatTemplate?.toolFormat ?? 'hermes'

/**
 * The request's grammar over the model's tokens.
 * @throws InvalidRequestError naming the field, and in it the part of a schema that cannot be honoured
 */
export function planGrammar(request: GenerationRequest, model: ServedModel): { readonly grammar?: TokenGrammar } {
  const spec = specOf(request, model)
  if (spec === undefined) return {}
  const param = request.tools === undefined ? request.grammar!.param : 'tools'
  if (model.grammars === undefined) {
    const problem = `'${model.name}' is decoded elsewhere, and only the own engine decodes under a grammar.`
    throw new InvalidRequestError(`'${param}': ${problem}`, param)
  }
  if (request.sampling.ignoreEos)
    throw new InvalidRequestError("'ignore_eos': an answer under a grammar ends where that is complete.", 'ignore_eos')
  try {
    return { grammar: model.grammars.get(spec) }
  } catch (error) {
    throw inField(error, request)
  }
}

function specOf({ grammar, tools }: GenerationRequest, model: ServedModel): GrammarSpec | undefined {
  if (tools === undefined) return grammar?.spec
  return { type: 'tool-calls', format: toolFormatOf(model), offer: tools.offer, otherwise: grammar?.spec }
}

/** A grammar that cannot be decoded under is the request's fault, and so is one that turns out to be too much on the way. */
export function inField(error: unknown, { grammar, tools }: GenerationRequest): unknown {
  if (!(error instanceof GrammarError)) return error
  const ofTool = error.tool === undefined ? undefined : tools?.param.replace('*', `${error.tool}`)
  const param = ofTool ?? grammar?.param ?? 'tools'
  const place = error.path === '' ? '' : ` at ${error.path}`
  return new InvalidRequestError(`'${param}'${place}: ${error.message}.`, param)
}
