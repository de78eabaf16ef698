// Opening and using the page as someone with a slow connection and a slow machine does: 10 Mbit/s with 40 ms before each answer,
// compressed as a good host does, and a main thread that is four times slower. Workers are not slowed down: no browser
// offers that.
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress } from 'node:zlib'
import { PAGE_URL, button, drawn, open, step, until } from '../e2e/browser.mjs'
import { drag, paints, row } from './page.mjs'

const BYTES_PER_MS = 10e6 / 8 / 1000
const LATENCY_MS = 40
const PIECE = 8192
const SLOWER = 4

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** The page again, compressed and at the speed of a slow line that all answers share. */
async function slowLine() {
  const files = new Map()
  let freeAt = 0
  async function file(path) {
    if (!files.has(path)) {
      const answer = await fetch(PAGE_URL + path)
      const body = Buffer.from(await answer.arrayBuffer())
      files.set(path, { status: answer.status, type: answer.headers.get('content-type'), body: await promisify(brotliCompress)(body) })
    }
    return files.get(path)
  }
  const server = createServer(async ({ url }, response) => {
    const [{ status, type, body }] = await Promise.all([file(url), pause(LATENCY_MS)])
    response.writeHead(status, { 'Content-Type': type, 'Content-Encoding': 'br', 'Cache-Control': 'no-store' })
    for (let from = 0; from < body.length; from += PIECE) {
      const piece = body.subarray(from, from + PIECE)
      freeAt = Math.max(freeAt, performance.now()) + piece.length / BYTES_PER_MS
      await pause(freeAt - performance.now())
      response.write(piece)
    }
    response.end()
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}

/** A page whose main thread is slow, opened at a URL; it notes when the first digit can be dragged, and every shift. */
async function visit(browser, url, width) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, serviceWorkers: 'block' })
  const page = await context.newPage()
  await page.addInitScript(() => {
    window.shifts = 0
    new PerformanceObserver(list => {
      for (const { value, hadRecentInput } of list.getEntries()) window.shifts += hadRecentInput ? 0 : value
    }).observe({ type: 'layout-shift', buffered: true })
    const look = () => {
      if (document.querySelector('.digit-surface canvas')) window.draggableAt = performance.now()
      else requestAnimationFrame(look)
    }
    look()
  })
  const cdp = await context.newCDPSession(page)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  await page.goto(url)
  return page
}

/** First paint, first drag and shifts. */
export async function slowStarts(browser) {
  const line = await slowLine()
  const [painted, draggable, shifts] = [[], [], []]
  for (let count = 0; count < 8; count++) {
    const page = await visit(browser, `${line.url}/?device=cpu`, count % 2 === 0 ? 1280 : 390)
    await until(() => page.evaluate(() => window.draggableAt), at => at > 0, 'a digit', 60_000)
    await page.waitForTimeout(2000)
    const found = await page.evaluate(() => ({
      painted: performance.getEntriesByName('first-contentful-paint')[0].startTime,
      draggable: window.draggableAt,
      shifts: window.shifts,
    }))
    await page.context().close()
    // The first fills the proxy's store.
    if (count === 0) continue
    painted.push(found.painted)
    draggable.push(found.draggable)
    shifts.push(found.shifts)
  }
  line.close()
  return [
    row('first contentful paint, slow line and machine', painted, '1,000 ms (p50)'),
    row('a digit can be dragged, slow line and machine', draggable, '2,500 ms (p50)'),
    row('layout shift while the page opens, slow line and machine', shifts, '0', ''),
  ]
}

/** Interactions while a model learns. */
export async function slowInteractions(browser) {
  const page = await drawn(await open(browser, '?device=cpu'))
  const cdp = await page.context().newCDPSession(page)
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 0, 'training', 120_000)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  const durations = await paints(page, async () => {
    for (let count = 0; count < 20; count++) {
      await drag(page, 10)
      for (const key of ['ArrowRight', 'ArrowUp', 'ArrowLeft', 'ArrowDown']) await page.keyboard.press(key)
    }
  })
  await page.close()
  return [row('interaction to next paint while training, slow machine', durations, '100 ms (p95)')]
}
