import { checkpoints, methods, type Setting, selections, startSetting, type Weights } from './setting.ts'

/** The setting as the part of the address behind #: readable, and only what differs from the start. */
export function toHash(setting: Setting): string {
  const params = new URLSearchParams()
  for (const [path, value] of leaves(setting)) if (start.get(path) !== value) params.set(path, value)
  return params.toString()
}

/** What a permalink says, laid over the start; what it says wrongly is left out and told. */
export function fromHash(hash: string): { readonly setting: Setting; readonly wrong: readonly string[] } {
  const params = new URLSearchParams(hash.replace(/^#/, ''))
  const wrong: string[] = []
  let setting: Setting = startSetting
  for (const [path, text] of params) {
    const change = readLeaf(setting, path, text)
    if (change === undefined) wrong.push(path)
    else setting = change
  }
  return { setting, wrong }
}

const groups = ['guides', 'objectives', 'bestOf', 'particles'] as const

/** Every field by its path, such as `guides.positive` or `bestOf.n`. */
function leaves(setting: Setting): [path: string, value: string][] {
  return Object.entries(setting).flatMap(([key, value]): [string, string][] => {
    if (typeof value !== 'object') return [[key, String(value)]]
    return Object.entries(value).map(([inner, one]) => [`${key}.${inner}`, String(one)])
  })
}

const start = new Map(leaves(startSetting))

function readLeaf(setting: Setting, path: string, text: string): Setting | undefined {
  const dot = path.indexOf('.')
  const group = groups.find((name) => name === path.slice(0, dot))
  if (group === undefined) {
    const value = dot < 0 ? readTop(path, text) : undefined
    return value === undefined ? undefined : { ...setting, [path]: value }
  }
  const key = path.slice(dot + 1)
  const value = group === 'guides' || group === 'objectives' ? readWeight(text) : readOption(group, key, text)
  return value === undefined ? undefined : { ...setting, [group]: { ...(setting[group] as Weights), [key]: value } }
}

type Reader = (text: string) => unknown

const number =
  (least: number, most: number, whole = false): Reader =>
  (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    return value >= least && value <= most && (!whole || Number.isInteger(value)) ? value : undefined
  }

const oneOf =
  (values: readonly string[]): Reader =>
  (text) =>
    values.includes(text) ? text : undefined

const anyText: Reader = (text) => text

const readWeight = number(-100, 100)

const tops: Readonly<Record<string, Reader>> = {
  model: anyText,
  system: anyText,
  prompt: anyText,
  seed: number(0, Number.MAX_SAFE_INTEGER, true),
  temperature: number(0, 2),
  maxTokens: number(1, 100_000, true),
  principle: anyText,
  principleWeight: readWeight,
  method: oneOf(methods),
}

const options: Readonly<Record<'bestOf' | 'particles', Readonly<Record<string, Reader>>>> = {
  bestOf: { n: number(1, 128, true), reward: anyText, select: oneOf(selections), pruneAt: readLengths },
  particles: {
    n: number(1, 128, true),
    reward: anyText,
    lambda: number(-1e4, 1e4),
    at: oneOf(checkpoints),
    every: number(1, 1e6, true),
    threshold: number(0, 2),
  },
}

const readTop = (key: string, text: string) => (Object.hasOwn(tops, key) ? tops[key]?.(text) : undefined)

const readOption = (group: 'bestOf' | 'particles', key: string, text: string) =>
  Object.hasOwn(options[group], key) ? options[group][key]?.(text) : undefined

/** Ascending lengths, such as "10,20". */
export function readLengths(text: string): readonly number[] | undefined {
  if (text === '') return []
  const lengths = text.split(',').map(Number)
  const ascend = lengths.every((length, i) => Number.isInteger(length) && length > (lengths[i - 1] ?? 0))
  return ascend ? lengths : undefined
}
