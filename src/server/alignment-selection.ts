import { type AlignmentOptions, alignmentOptions } from '../guidance/alignment-options.ts'
import { ApiProblem } from './api-problem.ts'
import { refuseCrowdedFields } from './crowded-fields.ts'
import { parseFields } from './field-problem.ts'
import { refuseLoneSurrogates } from './read-body.ts'

const headerName = 'X-Trimtab-Alignment'

/** The three places a request can choose its alignment in, strongest first. */
export interface AlignmentChoices {
  readonly body: AlignmentOptions | undefined
  /** X-Trimtab-Alignment: a policy's name, or the JSON of an alignment object. */
  readonly header: string | undefined
  /** The policy of the model alias that was asked for. */
  readonly aliasPolicy: string | undefined
}

/** What the three choices come to. */
export interface SelectedAlignment {
  /** Undefined where none of them asks for any. */
  readonly options: AlignmentOptions | undefined
  /** The policy that applies, and `inline` where the request has options of its own, beside it or alone. */
  readonly policies: readonly string[]
}

/**
 * One alignment object out of the three: the strongest named policy, overridden field by field by header and body.
 * @throws ApiProblem for an unknown policy or a header that is no alignment
 */
export function selectAlignment(
  choices: AlignmentChoices,
  policies: ReadonlyMap<string, AlignmentOptions>,
): SelectedAlignment {
  const header = readHeader(choices.header)
  const named = choices.body?.policy ?? header?.policy ?? choices.aliasPolicy
  const asked = { ...header, ...choices.body }
  if (named === undefined && header === undefined && choices.body === undefined)
    return { options: undefined, policies: [] }
  const preset = named === undefined ? {} : findPolicy(named, policies, choices)
  const { policy: _policy, ...options } = { ...preset, ...asked }
  const own = Object.keys(asked).some((field) => field !== 'policy' && field !== 'trace')
  return { options, policies: [...(named === undefined ? [] : [named]), ...(own ? ['inline'] : [])] }
}

function readHeader(raw: string | undefined): AlignmentOptions | undefined {
  if (raw === undefined) return undefined
  const text = decodeHeader(raw)
  if (!text.trimStart().startsWith('{')) return { policy: text.trim() }
  try {
    const options = JSON.parse(text)
    refuseCrowdedFields({ [headerName]: options })
    refuseLoneSurrogates({ [headerName]: options })
    return parseFields(alignmentOptions, options, headerName)
  } catch (error) {
    if (error instanceof ApiProblem) throw error
    throw new ApiProblem('invalid-request', `The header ${headerName} is neither a policy name nor valid JSON.`, {
      param: headerName,
    })
  }
}

/** Node gives each byte of a header as one character; clients that send more than ASCII send UTF-8. */
function decodeHeader(raw: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(raw, 'latin1'))
  } catch {
    throw new ApiProblem('invalid-request', `The header ${headerName} is not valid UTF-8.`, { param: headerName })
  }
}

function findPolicy(
  name: string,
  policies: ReadonlyMap<string, AlignmentOptions>,
  choices: AlignmentChoices,
): AlignmentOptions {
  const found = policies.get(name)
  if (found !== undefined) return found
  const known = policies.size === 0 ? 'No policy is configured.' : `Known policies: ${[...policies.keys()].join(', ')}.`
  const param = choices.body?.policy === undefined ? headerName : 'alignment.policy'
  throw new ApiProblem('invalid-request', `The policy '${name}' does not exist. ${known}`, { param })
}
