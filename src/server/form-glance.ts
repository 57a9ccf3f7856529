import type { BodyGlance } from './body-glance.ts'

/** The boundary of a form's parts; undefined for bodies that are no forms. */
export function formBoundary(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^multipart\/form-data\s*;/i.test(contentType)) return undefined
  const found = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  return found?.[1] ?? found?.[2]
}

/**
 * The parts `model` and `alignment` of a form (RFC 7578), of twice given ones the last. Only the heads of parts are read, files are skipped by a byte search
 * for the next boundary.
 */
export function glanceAtForm(bytes: Buffer, boundary: string): BodyGlance {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  let model: BodyGlance['model']
  let aligned = false
  // the first delimiter has no line before it
  let at = bytes.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2)) ? -2 : bytes.indexOf(delimiter)
  while (at >= -2 && at !== -1) {
    const head = at + delimiter.length
    const start = bytes.indexOf('\r\n\r\n', head) + 4
    const end = bytes.indexOf(delimiter, head)
    if (start < 4 || end < start) break
    const name = partName(bytes.toString('latin1', head, start))
    if (name === 'alignment') aligned = true
    if (name === 'model') model = { name: bytes.toString('utf8', start, end), start, end }
    at = end
  }
  return { model, aligned }
}

function partName(head: string): string | undefined {
  const found = /^content-disposition:[^\r\n]*;\s*name="([^"\r\n]*)"/im.exec(head)
  return found?.[1]
}
