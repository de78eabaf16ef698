// Whether everybody can use the page, as far as rules can tell: axe-core in both themes, on wide and narrow screens, at rest
// and with everything open.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { drawn, launch, open, violations } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

for (const colorScheme of ['light', 'dark']) {
  for (const width of [390, 1280]) {
    test(`nothing is to object to, ${colorScheme}, ${width} pixels wide`, { timeout: 180_000 }, async () => {
      const page = await drawn(await open(browser, '?device=cpu&grid=5', { context: { viewport: { width, height: 800 }, colorScheme } }))
      assert.deepEqual(await violations(page), [], 'at rest')
      await page.evaluate(() => document.querySelectorAll('.panel').forEach(panel => { panel.open = true }))
      await page.locator('#experiment-race').waitFor({ timeout: 30_000 })
      for (const id of ['posterior', 'half-a-digit', 'density']) {
        await page.locator(`#experiment-${id}`).getByRole('button', { name: 'Run' }).click()
        await page.locator(`#experiment-${id} .origin`).waitFor({ timeout: 60_000 })
      }
      await page.getByRole('button', { name: 'Measure', exact: true }).click()
      await page.locator('tr[data-measure]').first().waitFor({ timeout: 60_000 })
      assert.deepEqual(await violations(page), [], 'with everything open')
      await page.close()
    })
  }
}
