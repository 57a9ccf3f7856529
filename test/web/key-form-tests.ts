import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { parse, stringify } from 'yaml'
import { hashKey, newKey } from '../../src/server/keys/key-hash.ts'
import { cannotServe, type ServerProcess, startServer } from '../e2e/server-process.ts'
import { noBrowser, openBrowser } from './browser.ts'
import { violations } from './violations.ts'

const family = fileURLToPath(new URL('../../models/tiny/trimtab.yaml', import.meta.url))
const key = newKey()

function writeConfig(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'trimtab-web-key-')), 'trimtab.yaml')
  const text = readFileSync(family, 'utf8').replaceAll(/\.\/(?=[a-z])/g, `${dirname(family)}/`)
  writeFileSync(file, stringify({ ...parse(text), keys: { team: { hash: hashKey(key) } } }))
  return file
}

/** Registers them; the page must be built by then. */
export function keyFormTests(): void {
  describe('the playground of a server with keys', { skip: noBrowser || cannotServe }, () => {
    let server: ServerProcess
    let browser: Browser
    before(async () => {
      server = await startServer(['--memory', '256MiB'], ['--config', writeConfig()])
      browser = await openBrowser()
    })
    after(async () => {
      await browser?.close()
      await server?.stop()
    })

    async function openLocked(): Promise<Page> {
      const page = await (await browser.newContext({ viewport: { width: 1360, height: 900 } })).newPage()
      page.setDefaultTimeout(120_000)
      await page.goto(`${server.url}/`)
      await page.waitForSelector('.connection.locked')
      return page
    }

    async function enter(page: Page, text: string): Promise<void> {
      await page.getByLabel('API key', { exact: true }).fill(text)
      await page.locator('.key-form button[type=submit]').click()
    }

    it('asks for one, tells what the server says of a wrong one, and goes on with the right one', async () => {
      const page = await openLocked()
      assert.equal(await page.locator('.key-form input').getAttribute('type'), 'password')
      assert.equal(await page.locator('.key-form .error').count(), 0)
      assert.deepEqual(await violations(page), [])
      await enter(page, 'wrong')
      const error = await page.locator('.key-form .error').innerText()
      assert.match(error, /Incorrect API key provided\.\s+Field Authorization\s+Enter a key that this server knows\./)
      assert.deepEqual(await violations(page), [])
      await enter(page, key)
      await page.waitForSelector('.answer.aligned.done')
      await page.waitForSelector('.scores:not(.stale) .aim')
      assert.equal(await page.locator('.key-form .error').count(), 0)
      await page.context().close()
    })

    it('keeps it in the tab, and out of the address and the programs to copy', async () => {
      const page = await openLocked()
      const asked: (string | undefined)[] = []
      page.on('request', (request) => {
        if (request.url().includes('/v1/')) asked.push(request.headers()['authorization'])
      })
      await enter(page, key)
      await page.waitForSelector('.answer.aligned.done')
      await page.reload()
      await page.waitForSelector('.answer.aligned.done')
      assert.ok(asked.length >= 6)
      assert.deepEqual(new Set(asked), new Set([`Bearer ${key}`]))
      await page.getByRole('tab', { name: 'Code' }).click()
      for (const language of ['curl', 'Python', 'TypeScript']) {
        await page.getByText(language, { exact: true }).click()
        assert.match(await page.locator('pre').innerText(), /TRIMTAB_API_KEY/)
      }
      await page.waitForFunction(() => location.hash.includes('prompt='))
      assert.ok(!(await page.content()).includes(key) && !page.url().includes(key))
      assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage))).includes(key))
      const other = await page.context().newPage()
      await other.goto(page.url())
      await other.waitForSelector('.connection.locked')
      await page.context().close()
    })

    it('is asked for again when it is forgotten', async () => {
      const page = await openLocked()
      await enter(page, key)
      await page.waitForSelector('.answer.aligned.done')
      await page.getByRole('button', { name: 'Forget', exact: true }).click()
      await page.waitForSelector('.connection.locked')
      assert.equal(await page.evaluate(() => JSON.stringify(sessionStorage)), '{}')
      await page.context().close()
    })
  })
}
