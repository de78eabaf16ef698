// `cargo xtask bench`: the built page in a real browser, timed. Prints medians; nothing here can fail for being slow.
import { cpus } from 'node:os'
import { badge, button, drawn, launch, open, plane, step, until } from './e2e/browser.mjs'

const query = '?measure=1&device=cpu'
const rows = []

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

function row(what, values, limit, unit = 'ms') {
  rows.push({
    what,
    n: values.length,
    p50: `${quantile(values, 0.5).toFixed(1)} ${unit}`,
    p95: `${quantile(values, 0.95).toFixed(1)} ${unit}`,
    limit,
  })
}

const measures = (page, name) => page.evaluate(name => {
  const entries = performance.getEntriesByName(`latent:${name}`)
  performance.clearMeasures(`latent:${name}`)
  return entries.map(entry => entry.duration)
}, name)

/** Moves the pointer over the plane in a circle, one move per displayed frame or so. */
async function drag(page, moves) {
  const box = await plane(page).boundingBox()
  const at = angle => [box.x + box.width * (0.5 + 0.35 * Math.cos(angle)), box.y + box.height * (0.5 + 0.35 * Math.sin(angle))]
  await page.mouse.move(...at(0))
  await page.mouse.down()
  for (let index = 1; index <= moves; index++) {
    await page.mouse.move(...at(index / 12))
    await page.waitForTimeout(20)
  }
  await page.mouse.up()
}

const browser = await launch()
const version = browser.version()

const starts = []
for (let count = 0; count < 7; count++) {
  const begin = Date.now()
  const page = await drawn(await open(browser, query))
  starts.push(Date.now() - begin)
  await page.close()
}
row('page opened until the first digit and plane are drawn (loopback)', starts, '')

const page = await drawn(await open(browser, query))
await drag(page, 50)
await measures(page, 'decode')
await measures(page, 'drag')
await drag(page, 300)
row('decode of one z, code to drawn pixels', await measures(page, 'decode'), '2 ms (p50)')
row('a drag while idle, move to drawn digit', await measures(page, 'drag'), '')

await measures(page, 'plane')
for (let count = 0; count < 30; count++) {
  await page.getByLabel('Grid size').fill('19')
  await page.waitForTimeout(120)
  await page.getByLabel('Grid size').fill('20')
  await page.waitForTimeout(120)
}
row('a plane of 20 x 20 digits (19 x 19 mixed in)', await measures(page, 'plane'), '60 ms (p50)')
await page.close()

const training = await drawn(await open(browser, `${query}&encoder_hidden=512&decoder_hidden=512`))
await button(training, 'Train').click()
await until(() => step(training), n => n > 60, 'training', 120_000)
const rates = []
for (let count = 0; count < 12; count++) {
  await training.waitForTimeout(1000)
  rates.push(Number(await training.locator('dt:text("Images/s") + dd').innerText()))
}
row('training 784-512-2-512-784, batch 128, drawing and measuring included', rates, 'at least 2,000/s (p50)', 'images/s')
await measures(training, 'drag')
await drag(training, 300)
row('a drag while training, move to drawn digit', await measures(training, 'drag'), '120 ms (p95)')
await training.close()

/** Trains to the end; returns the seconds from the click, and how long drags took meanwhile. */
async function toTheEnd(link, drags = 0) {
  const page = await drawn(await open(browser, `${query}${link}`))
  const begin = Date.now()
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 0, 'training', 120_000)
  await measures(page, 'drag')
  if (drags > 0) await drag(page, drags)
  const dragged = await measures(page, 'drag')
  await page.getByText('All epochs are done.').waitFor({ timeout: 600_000 })
  return { page, seconds: (Date.now() - begin) / 1000, dragged }
}

for (const family of ['pca', 'ppca']) {
  const { page, seconds } = await toTheEnd(`&family=${family}`)
  row(`${family} fitted on 10,000 images, download included`, [seconds], '10 s', 's')
  await page.close()
}

const tiny = await toTheEnd('&encoder_hidden=128&decoder_hidden=128&targets=grey&epochs=10', 300)
row('784-128-2-128-784 trained on 60,000 greys for 10 epochs', [tiny.seconds], '300 s', 's')
row('a drag meanwhile', tiny.dragged, '120 ms (p95)')
const began = Date.now()
await tiny.page.getByRole('button', { name: 'Measure' }).click()
const cost = tiny.page.locator('[data-measure="grey_cost"]')
await cost.waitFor({ timeout: 300_000 })
row('measuring it', [(Date.now() - began) / 1000], '', 's')
const nats = Number((await cost.locator('td').first().innerText()).replace('\u2212', '-'))
row('its grey cross-entropy + KL on 10,000 test images', [nats], '162 nats', 'nats')
const name = (await badge(tiny.page).innerText()).split('\n')[0]
await browser.close()

console.log(`Chromium ${version}, ${name}, ${cpus().length} cores of ${cpus()[0].model}`)
console.table(rows)
