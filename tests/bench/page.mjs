// The built page in a real browser, as a visitor uses it.
import { gzipSync } from 'node:zlib'
import { badge, button, drawn, launch, open, plane, step, until } from '../e2e/browser.mjs'
import { images, labels } from '../e2e/idx.mjs'
import { figures } from './figures.mjs'
import { slowInteractions, slowStarts } from './slow.mjs'

const QUERY = '?measure=1&device=cpu'

/** A line of the table. `limit` is what is asked of it, in words. */
export const row = (what, values, limit = '', unit = 'ms') => ({ what, unit, limit, ...figures(values) })

const measures = (page, name) => page.evaluate(name => {
  const entries = performance.getEntriesByName(`latent:${name}`)
  performance.clearMeasures(`latent:${name}`)
  return entries.map(entry => entry.duration)
}, name)

/** Moves the pointer over the plane in a circle, one move per displayed frame or so. */
export async function drag(page, moves) {
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

/** Waits until all points are on the plane: their picture is the same for a second. */
async function pointed(page) {
  let [last, since] = [0, Date.now()]
  await until(async () => {
    const inked = await page.locator('canvas.cloud').evaluate(canvas => {
      // A copy: a canvas that is read again and again is no longer drawn as a visitor's is.
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d')
      copy.drawImage(canvas, 0, 0)
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height)
      return data.reduce((sum, value, index) => sum + (index % 4 === 3 ? value : 0), 0)
    })
    if (inked !== last) [last, since] = [inked, Date.now()]
    return inked
  }, inked => inked > 100_000 && Date.now() - since > 1000, 'points on the plane', 120_000)
}

/** Draws a stroke on the pad, from one place to another in shares of its side. */
async function stroke(page, from, to) {
  const pad = page.getByRole('img', { name: /^Pad / })
  await pad.scrollIntoViewIfNeeded()
  const box = await pad.boundingBox()
  const at = ([x, y]) => [box.x + box.width * x, box.y + box.height * y]
  await page.mouse.move(...at(from))
  await page.mouse.down()
  await page.mouse.move(...at(to), { steps: 8 })
  await page.mouse.up()
}

/** Milliseconds from each interaction to the next paint while `interact` goes on, one after the other. An interaction
 *  is what the browser takes for one, as of a press, its release and its click: the slowest counts. The browser tells
 *  of none that took less than 16 ms, and rounds to 8. */
export async function paints(page, interact) {
  await page.evaluate(() => {
    const durations = new Map()
    const note = entries => {
      for (const { interactionId: id, duration } of entries) {
        if (id > 0) durations.set(id, Math.max(duration, durations.get(id) ?? 0))
      }
    }
    const observer = new PerformanceObserver(list => note(list.getEntries()))
    observer.observe({ type: 'event', durationThreshold: 16 })
    window.interactionDurations = () => {
      note(observer.takeRecords())
      observer.disconnect()
      return [...durations.values()]
    }
  })
  await interact()
  // The last ones are told after their paint.
  await page.waitForTimeout(500)
  return page.evaluate(() => window.interactionDurations())
}

/** Opening the page, again and again. */
async function starts(browser) {
  const samples = []
  for (let count = 0; count < 7; count++) {
    const begin = Date.now()
    const page = await drawn(await open(browser, QUERY))
    samples.push(Date.now() - begin)
    await page.close()
  }
  return [row('page opened until the first digit and plane are drawn (loopback)', samples)]
}

/** Dragging and redrawing while nothing else goes on. */
async function idle(browser) {
  const page = await drawn(await open(browser, QUERY))
  await drag(page, 50)
  await measures(page, 'decode')
  await measures(page, 'drag')
  await drag(page, 300)
  const rows = [
    row('decode of one z, code to drawn pixels', await measures(page, 'decode'), '2 ms (p50)'),
    row('a drag while idle, move to drawn digit', await measures(page, 'drag')),
  ]
  await measures(page, 'plane')
  for (let count = 0; count < 30; count++) {
    for (const size of ['19', '20']) {
      await page.getByLabel('Grid size').fill(size)
      await page.waitForTimeout(120)
    }
  }
  rows.push(row('a plane of 20 x 20 digits (19 x 19 mixed in)', await measures(page, 'plane'), '60 ms (p50)'))
  await page.close()
  return rows
}

/** Training as it is shown, and drags meanwhile. */
async function training(browser) {
  const page = await drawn(await open(browser, `${QUERY}&encoder_hidden=512&decoder_hidden=512`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 60, 'training', 120_000)
  const rates = []
  for (let count = 0; count < 12; count++) {
    await page.waitForTimeout(1000)
    rates.push(Number(await page.locator('dt:text("Images/s") + dd').innerText()))
  }
  await measures(page, 'drag')
  await drag(page, 300)
  const drags = await measures(page, 'drag')
  await page.close()
  return [
    row('training 784-512-2-512-784, batch 128, drawing and measuring included', rates, 'at least 2,000/s (p50)', 'images/s'),
    row('a drag while training, move to drawn digit', drags, '120 ms (p95)'),
  ]
}

/** Interactions while everything goes on at once. */
async function interactions(browser) {
  const page = await drawn(await open(browser, `${QUERY}&view=points`))
  await pointed(page)
  await page.locator('#panel-draw > summary').click()
  await stroke(page, [0.3, 0.25], [0.7, 0.25])
  await page.getByLabel('Loss of this image').waitFor({ timeout: 60_000 })
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 0, 'training', 120_000)
  const filters = page.getByRole('group', { name: 'Classes on the plane' })
  const durations = await paints(page, async () => {
    const end = Date.now() + 15_000
    for (let count = 0; Date.now() < end; count++) {
      await plane(page).scrollIntoViewIfNeeded()
      await drag(page, 10)
      await plane(page).focus()
      for (const key of ['ArrowRight', 'ArrowUp', 'ArrowLeft', 'ArrowDown']) await page.keyboard.press(key)
      // Off and on again, so that all points are there for what comes next.
      for (const _ of ['off', 'on']) await filters.getByRole('button', { name: `Class ${count % 10}`, exact: true }).click()
      await stroke(page, [0.2 + 0.06 * (count % 10), 0.3], [0.6, 0.8])
    }
  })
  await page.close()
  return [row('interaction to next paint while training with 10,000 points shown and a drawing on the pad', durations, '100 ms (p95)')]
}

/** Opening as many images as MNIST has. */
async function ownImages(browser) {
  const page = await drawn(await open(browser, QUERY))
  await page.locator('#panel-images > summary').click()
  const files = [['train', 60_000], ['t10k', 10_000]].flatMap(([name, count]) => [
    { name: `${name}-images-idx3-ubyte.gz`, mimeType: 'application/gzip', buffer: gzipSync(images(count)) },
    { name: `${name}-labels-idx1-ubyte.gz`, mimeType: 'application/gzip', buffer: gzipSync(labels(count)) },
  ])
  const begin = Date.now()
  await page.getByLabel('Open images').setInputFiles(files)
  await until(() => page.getByRole('status', { name: 'Images in use' }).innerText(),
    text => text.includes(': 60,000 images to train on, 10,000 to test;'), 'own images', 120_000)
  const seconds = (Date.now() - begin) / 1000
  await page.close()
  return [row('own images, 60,000 + 10,000: loaded', [seconds], '', 's')]
}

/** Trains to the end; returns the seconds from the click, and how long drags took meanwhile. */
async function toTheEnd(browser, link, drags = 0) {
  const page = await drawn(await open(browser, `${QUERY}${link}`))
  const begin = Date.now()
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 0, 'training', 120_000)
  await measures(page, 'drag')
  if (drags > 0) await drag(page, drags)
  const dragged = await measures(page, 'drag')
  await page.getByText('All epochs are done.').waitFor({ timeout: 600_000 })
  return { page, seconds: (Date.now() - begin) / 1000, dragged }
}

/** Whole runs of the families that are fitted, not trained. */
async function fits(browser) {
  const rows = []
  for (const family of ['pca', 'ppca']) {
    const { page, seconds } = await toTheEnd(browser, `&family=${family}`)
    rows.push(row(`${family} fitted on 10,000 images, download included`, [seconds], '10 s', 's'))
    await page.close()
  }
  return rows
}

/** A whole run of a small model, measured afterwards. */
async function smallRun(browser) {
  const { page, seconds, dragged } = await toTheEnd(browser, '&encoder_hidden=128&decoder_hidden=128&targets=grey&epochs=10', 300)
  const begin = Date.now()
  await page.getByRole('button', { name: 'Measure' }).click()
  const cost = page.locator('[data-measure="grey_cost"]')
  await cost.waitFor({ timeout: 300_000 })
  const measured = (Date.now() - begin) / 1000
  const nats = Number((await cost.locator('td').first().innerText()).replace('\u2212', '-'))
  await page.close()
  return [
    row('784-128-2-128-784 trained on 60,000 greys for 10 epochs', [seconds], '300 s', 's'),
    row('a drag meanwhile', dragged, '120 ms (p95)'),
    row('measuring it', [measured], '', 's'),
    row('its grey cross-entropy + KL on 10,000 test images', [nats], '162 nats', 'nats'),
  ]
}

/** The device that the page shows. */
async function deviceOf(browser) {
  const page = await drawn(await open(browser, QUERY))
  const [device] = (await badge(page).innerText()).split('\n')
  await page.close()
  return device
}

/** All of it. */
export async function page() {
  const browser = await launch()
  const rows = []
  const device = await deviceOf(browser)
  for (const journey of [starts, slowStarts, idle, training, interactions, slowInteractions, ownImages, fits, smallRun]) {
    const found = await journey(browser)
    for (const { what, unit, n, p50 } of found) console.log(`   ${what}: ${n > 0 ? `${p50.toFixed(1)} ${unit}` : 'nothing was timed'}`)
    rows.push(...found)
  }
  const version = browser.version()
  await browser.close()
  return { version, device, rows }
}
