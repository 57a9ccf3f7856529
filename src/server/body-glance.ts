import { textAt, visitMembers } from './json-members.ts'

/** What must be known of a body to decide who answers it. */
export interface BodyGlance {
  /** The model it names and where the bytes of that text are. */
  readonly model: { readonly name: string; readonly start: number; readonly end: number } | undefined
  /** It has a field `alignment`, or may have one that cannot be made out. */
  readonly aligned: boolean
}

/**
 * Finds `model` and `alignment` at the top level of a JSON body, of twice given ones the last, as parsers do. Most bodies are searched by the
 * runtime's own byte search only, and walked no further than to their model; the rest is never parsed.
 */
export function glanceAtBody(bytes: Buffer): BodyGlance {
  const mayAlign = mayHaveAlignment(bytes)
  const onlyModel = !mayAlign && occursOnce(bytes, 'model"')
  let model: BodyGlance['model']
  let aligned = false
  const shaped = visitMembers(bytes, (key, start, end) => {
    if (key === 'alignment') aligned = bytes.toString('latin1', start, end).trimEnd() !== 'null'
    if (key !== 'model') return false
    const name = textAt(bytes, start, end)
    model = name === undefined ? undefined : { name, start, end }
    return onlyModel
  })
  return shaped ? { model, aligned } : { model: undefined, aligned: mayAlign }
}

/**
 * False only where no key can be `alignment`, nor any other that is spelled with escapes: letters are \u0061 to \u007a. Needles begin with a
 * letter, since a search that begins with a quote or a backslash stops at every one of them.
 */
function mayHaveAlignment(bytes: Buffer): boolean {
  return bytes.includes('alignment"') || bytes.includes('u006') || bytes.includes('u007')
}

function occursOnce(bytes: Buffer, needle: string): boolean {
  const first = bytes.indexOf(needle)
  return first >= 0 && !bytes.includes(needle, first + 1)
}
