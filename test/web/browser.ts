import { existsSync } from 'node:fs'
import { env } from 'node:process'
import { type Browser, chromium } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/opt/google/chrome/chrome']

/** TRIMTAB_CHROMIUM names another one; empty, it says that none is to be used. */
const named = env['TRIMTAB_CHROMIUM']
const executable = named === undefined ? places.find((path) => existsSync(path)) : named || undefined

/** Why there can be no browser; false when there can. `npm run test:browser` wants one. */
export const noBrowser =
  executable !== undefined || env['TRIMTAB_BROWSER'] === 'required'
    ? false
    : 'no Chromium is installed: `apt-get install chromium`, or name one in TRIMTAB_CHROMIUM'

export async function openBrowser(): Promise<Browser> {
  if (executable === undefined) throw new Error(`no Chromium in ${places.join(', ')}`)
  // Chromium's own sandbox refuses to run as root, as containers do; the pages are our own.
  return await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] })
}
