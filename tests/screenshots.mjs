// `cargo xtask screenshots`: the pictures of the README, from the built page.
import { mkdir } from 'node:fs/promises'
import { button, drawn, launch, open, plane, step, until } from './e2e/browser.mjs'

const folder = new URL('../docs/pictures/', import.meta.url).pathname
await mkdir(folder, { recursive: true })
const browser = await launch()

/** A page whose handle stands on a clear digit. */
const at = (scheme, width, height) => open(browser, '?at=0.2,0.55', {
  context: { viewport: { width, height }, colorScheme: scheme },
})

for (const scheme of ['light', 'dark']) {
  const page = await drawn(await at(scheme, 1280, 800))
  await page.screenshot({ path: `${folder}explore-${scheme}.png` })
  await page.close()
}

const training = await drawn(await at('light', 1280, 800))
await button(training, 'Train').click()
await until(() => step(training), n => n > 700, 'training', 180_000)
await training.screenshot({ path: `${folder}training.png` })
await training.close()

const phone = await drawn(await at('light', 390, 844))
await plane(phone).focus()
await phone.screenshot({ path: `${folder}phone.png` })
await browser.close()
