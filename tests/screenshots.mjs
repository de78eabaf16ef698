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

const latents = await drawn(await open(browser, '?family=beta-vae&at=0.4,0.6', {
  context: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
}))
await latents.getByLabel('Beside the digit').selectOption({ label: 'Each latent by itself' })
await until(() => latents.locator('.strip-rows').innerText(), text => text.includes('nats'), 'KL of the latents', 60_000)
await latents.waitForTimeout(500)
await latents.screenshot({ path: `${folder}latents.png`, fullPage: true })
await latents.close()

const classes = await drawn(await open(browser, '?family=conditional-vae&at=0.3,0.6', {
  context: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
}))
await classes.getByLabel('Beside the digit').selectOption({ label: 'All ten classes' })
await classes.getByRole('button', { name: 'Measure' }).click()
await classes.locator('[data-measure="asked_class"]').waitFor({ timeout: 300_000 })
await classes.screenshot({ path: `${folder}measure.png`, fullPage: true })
await classes.close()

const phone = await drawn(await at('light', 390, 844))
await plane(phone).focus()
await phone.screenshot({ path: `${folder}phone.png` })
await browser.close()
