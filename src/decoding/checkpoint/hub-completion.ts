import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** Written last: a folder without it is not complete. */
const completionFile = '.trimtab-pull.json'

const completionSchema = z.object({ files: z.array(z.object({ path: z.string(), size: z.number() })).readonly() })

/** Notes in a folder what was pulled into it, all of it now in place. */
export function notePull(folder: string, pull: object & z.input<typeof completionSchema>): void {
  writeFileSync(join(folder, completionFile), JSON.stringify(pull))
}

/** Whether a pull ended here and its files still have their sizes; what is gone or short is fetched again. */
export function isPullComplete(folder: string): boolean {
  const path = join(folder, completionFile)
  if (!existsSync(path)) return false
  const note = completionSchema.safeParse(parseOrUndefined(readFileSync(path, 'utf8')))
  if (!note.success) return false
  return note.data.files.every(
    (file) => statSync(join(folder, file.path), { throwIfNoEntry: false })?.size === file.size,
  )
}

/** A note that cannot be read proves nothing: the pull runs again and writes a new one. */
function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
