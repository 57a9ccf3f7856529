import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { build } from 'vite'
import { cannotServe, type ServerProcess, startServer } from '../e2e/server-process.ts'
import { until } from '../upstream/settings.ts'
import { noBrowser, openBrowser } from './browser.ts'
import { keyFormTests } from './key-form-tests.ts'
import { violations } from './violations.ts'

const web = fileURLToPath(new URL('../../web', import.meta.url))
const review = 'prompt=Write+a+review+of+the+Abbey+Hotel.&seed=2'
// A reward asked of every particle after every token: it goes on for long enough to be stopped.
const slow = `${review}&method=particles&particles.n=64&particles.reward=positivity&particles.every=1`

const skip = noBrowser || cannotServe
// One folder is built and served, so all tests of the page are of one file and share one build.
before(async () => {
  if (skip === false) await build({ root: web, configFile: `${web}/vite.config.ts`, logLevel: 'warn' })
})

keyFormTests()

describe('the playground in Chromium', { skip }, () => {
  let server: ServerProcess
  let browser: Browser
  before(async () => {
    server = await startServer()
    browser = await openBrowser()
  })
  after(async () => {
    await browser?.close()
    await server?.stop()
  })

  /** A page with both answers; whatever the browser complains about is thrown at the end of the test. */
  async function open(hash = '', options: BrowserContextOptions = {}, state = 'done') {
    const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options })
    const page = await context.newPage()
    // a machine with much else to do is slow, not wrong
    page.setDefaultTimeout(120_000)
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy/.test(message.text())) complaints.push(message.text())
    })
    await page.goto(`${server.url}/#${hash}`)
    await page.waitForSelector(`.answer.aligned.${state}`)
    const close = async () => {
      await context.close()
      assert.deepEqual(complaints, [])
    }
    return { page, close }
  }

  const textOf = (page: Page, side: string) => page.locator(`.answer.${side} .tokens`).innerText()
  const slide = (page: Page, name: string, weight: number) =>
    page.getByLabel(`Weight of ${name}`, { exact: true }).first().fill(String(weight))

  it('shows two answers of one seed, and words the guides made likelier', async () => {
    const { page, close } = await open()
    await page.waitForSelector('.answer.base.done')
    assert.notEqual(await textOf(page, 'base'), await textOf(page, 'aligned'))
    assert.ok((await page.locator('.answer.aligned .token.raised').count()) > 0)
    await page.waitForSelector('.scores .aim')
    assert.match(await page.locator('.scores .aim').innerText(), /positivity/)
    await close()
  })

  it('streams anew when a slider moves, cancels the run before, and asks the base only once', async () => {
    const { page, close } = await open(review)
    await page.waitForSelector('.answer.base.done')
    assert.equal(await textOf(page, 'aligned'), await textOf(page, 'base'))
    const asked: string[] = []
    const cancelled: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/v1/chat/completions')) asked.push(request.postData() ?? '')
    })
    page.on('requestfailed', (request) => cancelled.push(request.failure()?.errorText ?? ''))
    for (const weight of [0.25, 0.5, 0.75, 1]) {
      const before = asked.length
      await slide(page, 'positive', weight)
      await until(() => asked.length > before)
    }
    await page.waitForFunction(() => document.querySelector('.answer.aligned.done .token.raised') !== null)
    assert.ok(asked.every((body) => body.includes('alignment')))
    assert.equal(JSON.parse(asked.at(-1) ?? '').alignment.guides[0].weight, 1)
    assert.ok(cancelled.includes('net::ERR_ABORTED'), cancelled.join())
    assert.notEqual(await textOf(page, 'aligned'), await textOf(page, 'base'))
    await close()
  })

  it('ends a stopped run on the server too', async () => {
    const { page, close } = await open(review)
    await page.evaluate((hash) => {
      location.hash = hash
    }, slow)
    const running = async () =>
      ((await (await fetch(`${server.url}/readyz`)).json()) as { engine: { running: number } }).engine.running
    await untilSo(async () => (await running()) > 1)
    await page.keyboard.press('Escape')
    await page.waitForSelector('.answer.aligned.stopped')
    await untilSo(async () => (await running()) === 0)
    await close()
  })

  it('tells of a word what base and guide said, by mouse and by keys', async () => {
    const { page, close } = await open(`${review}&guides.positive=1&guides.formal=0.2`)
    const heats = await page
      .locator('.answer.aligned .token.raised')
      .evaluateAll((words) => words.map((word) => Number((word as HTMLElement).style.getPropertyValue('--heat'))))
    const word = page.locator('.answer.aligned .token.raised').nth(heats.indexOf(Math.max(...heats)))
    await word.click()
    const inspector = page.locator('.inspector')
    assert.match(await inspector.locator('.verdict').innerText(), /alone.*steered.*times likelier/s)
    const heads = await inspector.locator('thead th').allInnerTexts()
    assert.deepEqual(heads, ['word', 'base alone', 'steered', 'positive', 'formal'])
    assert.equal(await inspector.locator('tr.drawn').count(), 1)
    assert.ok((await inspector.locator('tbody tr').count()) >= 5)
    const before = await page.locator('.token.picked').innerText()
    await word.press('ArrowRight')
    await page.waitForFunction((text) => document.querySelector('.token.picked')?.textContent !== text, before)
    await page.locator('.answer.aligned select').selectOption('formal')
    await close()
  })

  it('shows candidates with their scores, those that were pruned in grey', async () => {
    const { page, close } = await open()
    await page.getByText('Sums, best of 8').click()
    await page.waitForSelector('.candidates .chosen')
    assert.equal(await page.locator('.candidates li').count(), 8)
    assert.ok((await page.locator('.candidates .pruned').count()) > 0)
    assert.match(await page.locator('.candidates .chosen').innerText(), /chosen/)
    await close()
  })

  it('draws the family tree of particles, whose marked line is the answer', async () => {
    const { page, close } = await open()
    await page.getByText('Sums, by particles').click()
    await page.waitForSelector('.genealogy .node')
    const tree = page.locator('.genealogy')
    const checkpoints = await tree.locator('.checkpoint').count()
    assert.equal(await tree.locator('.node').count(), 6 * checkpoints)
    assert.equal(await tree.locator('.node.streamed').count(), checkpoints)
    assert.equal(await tree.locator('.ess circle').count(), checkpoints)
    const text = await tree.locator('.node-text').innerText()
    assert.ok(text.endsWith(await textOf(page, 'aligned')), text)
    await tree.locator('.node.streamed').last().press('ArrowLeft')
    await page.waitForSelector(`.node-text:has-text("Checkpoint ${checkpoints - 1}")`)
    await close()
  })

  it('sweeps a weight and draws the reward', async () => {
    const { page, close } = await open(review)
    await page.getByRole('tab', { name: 'Sweep' }).click()
    await page.getByLabel('points').fill('3')
    await page.getByLabel('answers each').fill('4')
    await page.getByRole('button', { name: 'Sweep', exact: true }).click()
    await page.waitForSelector('.plot[aria-label*="2: "] canvas')
    const label = (await page.locator('.plot').getAttribute('aria-label')) ?? ''
    const points = label.split('positive: ')[1]?.split(', ') ?? []
    assert.deepEqual(
      points.map((point) => point.split(':')[0]),
      ['-1', '0.5', '2'],
    )
    await close()
  })

  it('comes back from its permalink', async () => {
    const first = await open(review)
    await slide(first.page, 'positive', 1)
    await first.page.getByLabel('Principle in words').fill('Be brief, and "kind" & 100 % sure.')
    await first.page.getByLabel('Principle in words').blur()
    await first.page.waitForFunction(() => location.hash.includes('principle=') && location.hash.includes('positive=1'))
    await first.page.waitForFunction(() => document.querySelector('.answer.aligned.done .token.raised') !== null)
    const second = await open(new URL(first.page.url()).hash.slice(1))
    assert.equal(await textOf(second.page, 'aligned'), await textOf(first.page, 'aligned'))
    assert.equal(await second.page.getByLabel('Weight of positive', { exact: true }).first().inputValue(), '1')
    assert.equal(await second.page.getByLabel('Principle in words').inputValue(), 'Be brief, and "kind" & 100 % sure.')
    await second.page.getByRole('tab', { name: 'Code' }).click()
    await second.page.getByText('Python').click()
    assert.match(await second.page.locator('pre').innerText(), /extra_body=\{"alignment": \{"guides"/)
    await first.close()
    await second.close()
  })

  it('tells what a link has wrong, and what the server refuses, with field and remedy', async () => {
    const { page, close } = await open(`${review}&temperature=9&guides.unheard=1`, {}, 'failed')
    assert.match(await page.locator('.notice').innerText(), /temperature/)
    const error = await page.locator('.answer.aligned .error').innerText()
    assert.match(error, /'unheard' does not exist\. Known guides: positive/)
    assert.match(error, /alignment\.guides\[0\]\.guide/)
    assert.match(error, /Correct this field/)
    await close()
  })

  it('outlives its server', async () => {
    const { page, close } = await open(`${review}&guides.positive=1`)
    const text = await textOf(page, 'aligned')
    await server.stop()
    await page.getByRole('button', { name: 'Run' }).click()
    await page.waitForSelector('.answer.aligned.failed')
    await page.waitForSelector('.connection.away')
    assert.match(await page.locator('.answer.aligned .error').innerText(), /cannot be reached/)
    server = await startServer(['--port', new URL(server.url).port])
    await page.waitForSelector('.connection.ready')
    await page.waitForSelector('.answer.aligned.done')
    assert.equal(await textOf(page, 'aligned'), text)
    await close()
  })

  const states: Readonly<Record<string, BrowserContextOptions>> = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    'phone width': { viewport: { width: 390, height: 844 } },
  }
  for (const [name, options] of Object.entries(states))
    it(`axe finds nothing serious: ${name}`, async () => {
      const { page, close } = await open(`${review}&guides.positive=1&guides.formal=-0.3`, options)
      await page.waitForSelector('.scores:not(.stale)')
      await page.locator('.answer.aligned .token').nth(3).click()
      assert.deepEqual(await violations(page), [], 'a word')
      for (const [example, ready] of [
        ['Sums, best of 8', '.candidates .chosen'],
        ['Sums, by particles', '.genealogy .node'],
      ] as const) {
        await page.getByText(example).click()
        await page.waitForSelector(ready)
        await page.waitForSelector('.answer.aligned.done')
        await page.waitForSelector('.scores:not(.stale)')
        assert.deepEqual(await violations(page), [], example)
      }
      for (const tab of ['Sweep', 'Code']) {
        await page.getByRole('tab', { name: tab }).click()
        assert.deepEqual(await violations(page), [], tab)
      }
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(overflow <= 0, `${overflow} pixels stick out`)
      await close()
    })
})

async function untilSo(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it never came to pass')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
