// What all browser tests share: a Chromium, a page on the built site, and readings of what it shows.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { chromium } from 'playwright-core'

export const PAGE_URL = process.env.PAGE_URL ?? 'http://127.0.0.1:8080'

const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']
/** WebGPU on SwiftShader: with fewer of these flags there is no adapter, or the GPU process dies on the first canvas. */
const SOFTWARE_GPU = [
  '--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-vulkan=swiftshader', '--use-angle=swiftshader',
]

/** Which program, and how; as root it runs without its sandbox, which does not start there. */
function settings(...args) {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return { executablePath: process.env.CHROMIUM, args: [...QUIET, ...sandbox, '--disable-dev-shm-usage', ...args] }
}

/** A browser. */
export const launch = ({ gpu = false } = {}) => chromium.launch(settings(...(gpu ? SOFTWARE_GPU : [])))

/** An address in a window of its own, without the browser's bars, as an installed page has it. */
export async function launchApp(url) {
  const context = await chromium.launchPersistentContext('', settings(`--app=${url}`))
  return context.pages()[0] ?? context.waitForEvent('page')
}

/** Who was here before, and is not invited to the tour. Runs in the page, before its scripts. */
export function returning() {
  try {
    localStorage.setItem('latent-explorer.tour', 'seen')
  } catch {
    // Where nothing can be kept there is no page of ours either.
  }
}

/**
 * Opens the page, collecting what must not happen; without its service worker, which would answer in the network's stead, and
 * without the invitation to the tour, which would lie on other things.
 */
export async function open(browser, query = '', { context = {}, before, firstVisit = false } = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, serviceWorkers: 'block', ...context })
  page.problems = []
  page.requests = []
  page.sockets = []
  page.on('console', message => {
    if (message.type() === 'error') page.problems.push(message.text())
  })
  page.on('pageerror', error => page.problems.push(String(error)))
  page.on('request', request => page.requests.push(request.url()))
  page.on('websocket', socket => page.sockets.push(socket.url()))
  if (!firstVisit) await page.addInitScript(returning)
  await before?.(page)
  await page.goto(`${PAGE_URL}/${query}`)
  return page
}

export const plane = page => page.getByRole('application', { name: 'Latent plane' })
export const digit = page => page.getByRole('img', { name: /^Decoded digit/ })
export const button = (page, name) => page.getByRole('button', { name, exact: true })
export const badge = page => page.getByRole('status', { name: 'Device' })

/** Waits until the first digit and the plane are drawn. */
export async function drawn(page, timeout = 30_000) {
  for (const which of ['digit', 'plane']) {
    await page.locator(`.${which}-surface canvas`).waitFor({ timeout })
    await until(() => contrast(page, which), c => c > 100, `${which} drawn`, timeout)
  }
  return page
}

/** Largest difference between the colours of a canvas; measured in the page, since a plane has a million bytes. */
function contrast(page, which) {
  return page.evaluate(which => {
    const canvas = document.querySelector(`.${which}-surface canvas`)
    const copy = new OffscreenCanvas(canvas.width, canvas.height)
    const context = copy.getContext('2d')
    context.drawImage(canvas, 0, 0)
    const bytes = context.getImageData(0, 0, copy.width, copy.height).data
    let [least, most] = [255, 0]
    for (let index = 0; index < bytes.length; index++) {
      if (index % 4 === 3) continue
      least = Math.min(least, bytes[index])
      most = Math.max(most, bytes[index])
    }
    return most - least
  }, which)
}

/** The bytes of a canvas that is drawn on from the worker: `digit` or `plane`. */
export const pixels = (page, which) => picture(page, `.${which}-surface canvas`)

/** The bytes of the first canvas that a selector finds. */
export function picture(page, selector) {
  return page.evaluate(selector => {
    const canvas = document.querySelector(selector)
    const copy = new OffscreenCanvas(canvas.width, canvas.height)
    const context = copy.getContext('2d')
    context.drawImage(canvas, 0, 0)
    return [...context.getImageData(0, 0, copy.width, copy.height).data]
  }, selector)
}

/** The largest difference between two pictures of one size. */
export function difference(a, b) {
  assert.equal(a.length, b.length)
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index])), 0)
}

/** Waits until `read` gives something that `accept` takes, and returns it. */
export async function until(read, accept, what, timeout = 30_000) {
  const end = Date.now() + timeout
  let value
  do {
    value = await read()
    if (accept(value)) return value
    await new Promise(resolve => setTimeout(resolve, 50))
  } while (Date.now() < end)
  assert.fail(`${what}: still ${JSON.stringify(value)} after ${timeout / 1000} s`)
}

/** The handle's place, as shares of the plane's width and height. */
export const handle = page => handleOf(plane(page))

/** The same of any plane. */
export const handleOf = plane =>
  plane.locator('.handle').evaluate(h => [h.style.left, h.style.top].map(parseFloat))

/** The code shown beside the digit. */
export const code = async page => (await page.getByLabel('Code z').innerText()).replaceAll('\u2212', '-').split(', ').map(Number)

/** Steps done, as shown. */
export async function step(page) {
  const text = await page.getByLabel('Step', { exact: true }).and(page.locator('output')).innerText()
  return Number(text.replaceAll(',', '')) || 0
}

/** A loss as shown: `total`, `reconstruction`, `kl` or `test`. */
export const loss = async (page, name) => Number(await page.locator(`output[data-loss="${name}"]`).innerText())

/** What is drawn on with the pointer. */
export const pad = page => page.getByRole('img', { name: /^Pad / })

/** Draws strokes, in shares of the pad. */
export async function draw(page, strokes) {
  await pad(page).scrollIntoViewIfNeeded()
  const box = await pad(page).boundingBox()
  for (const [first, ...others] of strokes) {
    const at = ([x, y]) => [box.x + box.width * x, box.y + box.height * y]
    await page.mouse.move(...at(first))
    await page.mouse.down()
    for (const point of others) await page.mouse.move(...at(point), { steps: 6 })
    await page.mouse.up()
  }
}

/** What axe-core objects to: the rule, and the elements. */
export async function violations(page) {
  await page.evaluate(await readFile(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'))
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.join(' ')).join(', ')}`)
  })
}

/** Asserts that nothing went wrong that a visitor would not see. */
export function healthy(page) {
  assert.deepEqual(page.problems, [])
  const origin = new URL(PAGE_URL).origin
  const foreign = page.requests.filter(url => !url.startsWith(origin) && !/^(data|blob):/.test(url))
  assert.deepEqual(foreign, [], 'requests to other hosts')
  assert.deepEqual(page.sockets, [], 'web sockets')
}
