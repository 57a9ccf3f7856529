import type { z } from 'zod'
import { ApiProblem } from './api-problem.ts'
import { parseContext, withNearest } from './field-wording.ts'

/** A field at fault and what is wrong with it. */
export interface FieldProblem {
  readonly path: string
  readonly message: string
  /** It is understood, but this version cannot do it. */
  readonly unsupported?: boolean
}

/** `['alignment', 'guides', 0, 'weight']` -> `alignment.guides[0].weight`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

/** The issues of a failed parse, each at the deepest field that can be blamed. */
export function fieldProblems(error: z.ZodError): readonly FieldProblem[] {
  return error.issues.flatMap((issue) => describe(issue, []))
}

/**
 * What the schema makes of the value.
 * @throws ApiProblem naming the first field at fault
 */
export function parseFields<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix = ''): z.output<Schema> {
  const result = schema.safeParse(value, parseContext)
  if (result.success) return result.data
  const [problem] = fieldProblems(result.error)
  const path = [prefix, problem?.path].filter(Boolean).join('.')
  const kind = problem?.unsupported === true ? 'unsupported' : 'invalid-request'
  throw new ApiProblem(kind, sentence(path, problem?.message ?? 'is not valid'), { param: path })
}

/** A message that is a verb already has the field as its subject. */
function sentence(path: string, message: string): string {
  return `'${path}'${/^(is|has|must|needs|belongs|differs) /.test(message) ? '' : ':'} ${message}.`
}

type Issue = z.core.$ZodIssue

function describe(issue: Issue, outer: readonly PropertyKey[]): readonly FieldProblem[] {
  const path = [...outer, ...issue.path]
  if (isMissing(issue)) return [{ path: formatPath(path), message: 'is required' }]
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return describeUnion(issue, path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key, index) => ({
      path: formatPath([...path, key]),
      // A body may have thousands, and only the first is told.
      message: index < 8 ? withNearest(issue.message, key) : issue.message,
    }))
  }
  const message = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined
  return [
    {
      path: formatPath(path),
      message: lowerFirst(message ?? issue.message),
      unsupported: isUnsupported(issue.message),
    },
  ]
}

/** Only parses with `reportInput` can tell. */
function isMissing(issue: Issue): boolean {
  const kinds: readonly Issue['code'][] = ['invalid_type', 'invalid_value', 'invalid_union']
  return kinds.includes(issue.code) && 'input' in issue && issue.input === undefined
}

/** The schemas' own wording, which zod has no other place for; none of zod's messages has it. */
function isUnsupported(message: string): boolean {
  return /\bnot (available|supported)\b/.test(message)
}

/** Of a union's alternatives, the one that got furthest is the one that was meant. */
function describeUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: readonly PropertyKey[],
): readonly FieldProblem[] {
  const deepest = [...issue.errors].sort((a, b) => likelihood(b) - likelihood(a))[0] ?? []
  const shallow = deepest.every((inner) => inner.path.length === 0 && inner.code === 'invalid_type')
  if (shallow) {
    const expected = issue.errors.flat().map((inner) => (inner.code === 'invalid_type' ? inner.expected : undefined))
    const names = [...new Set(expected.filter((name) => name !== undefined))]
    return [{ path: formatPath(path), message: `invalid input: expected ${names.join(' or ')}` }]
  }
  return deepest.flatMap((inner) => describe(inner, path))
}

function likelihood(issues: readonly Issue[]): number {
  if (issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type')) {
    return Number.NEGATIVE_INFINITY
  }
  const strangers = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : [])).length
  // a spread argument list overflows the stack at some 100,000 issues
  const depth = issues.reduce((deepest, issue) => Math.max(deepest, issue.path.length), 0)
  return depth * 10 - strangers * 20 - issues.length
}

function lowerFirst(message: string): string {
  return message.slice(0, 1).toLowerCase() + message.slice(1)
}
