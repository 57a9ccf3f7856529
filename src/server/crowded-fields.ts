import { ApiProblem } from './api-problem.ts'
import { formatPath } from './field-problem.ts'

/** Members of any list or object; the schemas' own bounds are tighter, but are checked after every member was. */
const mostMembers = 1024

/** These have bounds of their own, checked before their members. */
const ownBounds: ReadonlySet<unknown> = new Set(['messages', 'input', 'prompt', 'logit_bias', 'stop', 'stop_token_ids'])

/** A value and where it lies; paths become text only for the one that is blamed. */
interface Place {
  readonly value: object
  readonly key: PropertyKey | undefined
  readonly parent: Place | undefined
}

/**
 * Refuses lists and objects with too many members, and the key `__proto__`, which schemas skip in silence.
 * @throws ApiProblem naming the field
 */
export function refuseCrowdedFields(body: object): void {
  const open: Place[] = [{ value: body, key: undefined, parent: undefined }]
  // A stack of its own: the nesting of a body is the client's choice.
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value } = place
    if (Array.isArray(value)) {
      if (value.length > mostMembers && !hasOwnBound(place)) throw crowded(place, value.length)
      for (let i = 0; i < value.length; i++) queue(open, value[i], i, place)
    } else {
      const keys = Object.keys(value)
      if (keys.length > mostMembers && !hasOwnBound(place)) throw crowded(place, keys.length)
      for (const key of keys) queue(open, (value as Record<string, unknown>)[key], key, place)
    }
  }
}

function queue(open: Place[], value: unknown, key: PropertyKey, parent: Place): void {
  if (key === '__proto__') {
    const path = pathOf({ value: parent.value, key, parent })
    throw new ApiProblem('invalid-request', `'${path}' is not a known field.`, { param: path })
  }
  if (typeof value === 'object' && value !== null) open.push({ value, key, parent })
}

function hasOwnBound({ key, parent }: Place): boolean {
  if (parent === undefined) return false
  const isTop = parent.parent === undefined
  return isTop ? ownBounds.has(key) : parent.key === 'prompt' && parent.parent?.parent === undefined
}

function crowded(place: Place, count: number): ApiProblem {
  const path = pathOf(place)
  const subject = path === '' ? 'The body' : `'${path}'`
  const message = `${subject} has ${count} members; at most ${mostMembers} are possible.`
  return new ApiProblem('invalid-request', message, path === '' ? {} : { param: path })
}

function pathOf(place: Place): string {
  const keys: PropertyKey[] = []
  for (let at: Place | undefined = place; at !== undefined; at = at.parent)
    if (at.key !== undefined) keys.unshift(at.key)
  return formatPath(keys)
}
