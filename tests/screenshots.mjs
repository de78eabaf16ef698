// `cargo xtask screenshots`: the pictures of the README, from the built page. With `all`, the page in every width,
// theme and state into target/screenshots/ instead; that fails where the page scrolls sideways.
import { mkdir } from 'node:fs/promises'
import { button, drawn, launch, open, plane, step, until } from './e2e/browser.mjs'

const isAll = process.argv[2] === 'all' || process.env.ALL === '1'
const folder = new URL(isAll ? '../target/screenshots/' : '../docs/pictures/', import.meta.url).pathname
await mkdir(folder, { recursive: true })
const browser = await launch()
await (isAll ? everything() : readme())
await browser.close()

/** A page whose handle stands on a clear digit. */
function at(scheme, width, height) {
  return open(browser, '?at=0.2,0.55', { context: { viewport: { width, height }, colorScheme: scheme } })
}

async function readme() {
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

  const laboratory = await drawn(await at('light', 1280, 800))
  await experiment(laboratory, 'posterior', 'marginal-likelihood', 'half-a-digit', 'density')
  await laboratory.locator('#panel-lab').screenshot({ path: `${folder}laboratory.png` })
  await laboratory.close()

  const phone = await drawn(await at('light', 390, 844))
  await plane(phone).focus()
  await phone.screenshot({ path: `${folder}phone.png` })
}

/** Every width, theme and state. */
async function everything() {
  const sizes = [[320, 640], [390, 844], [768, 1024], [1280, 800], [1920, 1080]]
  const states = {
    rest: async () => {}, tools: openTools, explained: openExplanation, tour: takeTour, german: speakGerman,
    slow: doStep, points: showPoints, compare: openCompare, laboratory: openLaboratory,
  }
  const faults = []
  for (const [width, height] of sizes) {
    for (const scheme of ['light', 'dark']) {
      for (const [name, prepare] of Object.entries(states)) {
        const picture = `${name}-${width}-${scheme}`
        const page = await drawn(await at(scheme, width, height))
        try {
          await prepare(page)
          // What was asked for last is drawn.
          await page.waitForTimeout(1000)
        } catch (err) {
          faults.push(`${picture}: ${err.message.split('\n')[0]}`)
        }
        await page.screenshot({ path: `${folder}${picture}.png`, fullPage: true })
        faults.push(...(await sideways(page)).map(fault => `${picture}: ${fault}`))
        await page.close()
      }
    }
  }
  console.log(`${sizes.length * 2 * Object.keys(states).length} pictures in ${folder}`)
  for (const fault of faults) console.error(fault)
  if (faults.length > 0) process.exitCode = 1
}

/** How far the page scrolls sideways, and which elements make it do so. */
function sideways(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth
    if (wide <= innerWidth) return []
    const culprits = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5)
    const names = culprits.slice(-4).map(e => `${e.tagName.toLowerCase()}.${e.classList}`)
    return [`${wide} px wide in ${innerWidth} px: ${names.join(', ')}`]
  })
}

/** All panels, while a drawing is looked at through the model. */
async function openTools(page) {
  await page.evaluate(() => document.querySelectorAll('.panel').forEach(panel => { panel.open = true }))
  const pad = page.getByRole('img', { name: /^Pad / })
  await pad.scrollIntoViewIfNeeded()
  const box = await pad.boundingBox()
  const [x, y] = [box.x + box.width * 0.55, box.y]
  await page.mouse.move(x, y + box.height * 0.2)
  await page.mouse.down()
  await page.mouse.move(x - box.width * 0.1, y + box.height * 0.8, { steps: 12 })
  await page.mouse.up()
}

/** The explanation, with numbers of a step in it. */
async function openExplanation(page) {
  await page.locator('#panel-how > summary').click()
  await page.locator('#panel-how .network').nth(1).waitFor()
  await page.locator('#panel-how .mistakes').waitFor()
  await button(page, 'Step').click()
  await until(() => step(page), n => n === 1, 'a step', 60_000)
}

/** The third step of the tour. */
async function takeTour(page) {
  await page.locator('[data-tour]').click()
  for (let count = 0; count < 2; count++) await page.locator('.driver-popover-next-btn').click()
}

/** The page in another language, its explanation open. */
async function speakGerman(page) {
  await Promise.all([page.waitForEvent('load'), page.locator('select.language').selectOption('de')])
  await drawn(page)
  await page.locator('#panel-how > summary').click()
  await page.locator('#panel-how .mistakes').waitFor()
}

/** A training step in slow motion. */
async function doStep(page) {
  await page.locator('#panel-slow > summary').click()
  await button(page, 'Do one step slowly').click()
  await button(page, '3 Sample').click({ timeout: 60_000 })
}

/** Test images as points on the plane. */
async function showPoints(page) {
  await page.getByRole('radio', { name: 'Points', exact: true }).check()
  await page.waitForTimeout(4000)
}

/** Experiments that came to their end. */
async function experiment(page, ...ids) {
  await page.locator('#panel-lab > summary').click()
  for (const id of ids) {
    const card = page.locator(`#experiment-${id}`)
    await card.getByRole('button', { name: 'Run' }).click()
    await card.locator('.origin').waitFor({ timeout: 90_000 })
  }
}

/** A heat map, bars and a histogram. */
function openLaboratory(page) {
  return experiment(page, 'posterior', 'half-a-digit', 'density')
}

/** Two models side by side. */
async function openCompare(page) {
  await page.locator('#panel-compare > summary').click()
  await page.locator('#panel-compare').getByRole('combobox').first().selectOption({ index: 1 })
  await page.waitForTimeout(2000)
}
