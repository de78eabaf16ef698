// The main journeys on the CPU path.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  PAGE_URL, badge, button, code, difference, digit, drawn, handle, healthy, launch, loss, open, pixels, plane, step, until,
} from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const small = '&encoder_hidden=64&decoder_hidden=64&images=2000&epochs=1000'

async function dragTo(page, x, y) {
  const box = await plane(page).boundingBox()
  await page.mouse.move(box.x + box.width * x, box.y + box.height * y)
}

test('a digit is drawn before anything is touched, without errors and from one origin', async () => {
  const page = await drawn(await open(browser))
  await until(() => pixels(page, 'plane').then(p => p.length), n => n === 560 * 560 * 4, 'plane of 20 x 20 tiles')
  assert.match(await digit(page).getAttribute('aria-label'), /^Decoded digit at z = 0.00, 0.00$/)
  assert.match(await badge(page).innerText(), /CPU \(SIMD\)[^]*no GPU/)
  healthy(page)
  await page.close()
})

test('the first paint needs no script', async () => {
  const page = await open(browser, '', { context: { javaScriptEnabled: false } })
  assert.ok(await page.getByRole('heading', { name: 'Drag through a space of digits' }).isVisible())
  const poster = await page.locator('.plane-surface').evaluate(e => getComputedStyle(e, '::before').backgroundImage)
  const url = /url\("(.*)"\)/.exec(poster)[1]
  assert.equal((await page.request.get(url)).status(), 200, 'the poster is there')
  await page.close()
})

test('dragging moves handle, digit and code', async () => {
  const page = await drawn(await open(browser))
  const first = await pixels(page, 'digit')
  await dragTo(page, 0.5, 0.5)
  await page.mouse.down()
  await dragTo(page, 0.8, 0.2)
  await until(() => handle(page), ([x, y]) => Math.abs(x - 80) < 1 && Math.abs(y - 20) < 1, 'handle at 80 %, 20 %')
  const z = await until(() => code(page), z => Math.abs(z[0] - 0.84) < 0.03, 'code')
  assert.ok(Math.abs(z[1] - 0.84) < 0.03, `z = ${z}: the inverse normal CDF of 0.8 is 0.84, upwards`)
  const second = await until(() => pixels(page, 'digit'), p => difference(p, first) > 40, 'another digit')
  await dragTo(page, 1.6, 0.2)
  await until(() => handle(page), ([x]) => x === 100, 'the handle stays on the plane')
  await page.mouse.up()
  const released = await handle(page)
  await dragTo(page, 0.3, 0.3)
  assert.deepEqual(await handle(page), released, 'a released handle stays')
  assert.ok(difference(second, await pixels(page, 'digit')) > 0)
  healthy(page)
  await page.close()
})

test('a finger drags too', async () => {
  const page = await drawn(await open(browser, '', { context: { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } } }))
  const box = await plane(page).boundingBox()
  assert.ok(box.x >= 0 && box.x + box.width <= 390, 'the plane fits the screen')
  const session = await page.context().newCDPSession(page)
  const touch = (type, x, y) => session.send('Input.dispatchTouchEvent', {
    type, touchPoints: type === 'touchEnd' ? [] : [{ x: box.x + box.width * x, y: box.y + box.height * y }],
  })
  await touch('touchStart', 0.5, 0.5)
  await touch('touchMove', 0.6, 0.45)
  await touch('touchMove', 0.25, 0.25)
  await until(() => handle(page), ([x, y]) => Math.abs(x - 25) < 1.5 && Math.abs(y - 25) < 1.5, 'handle follows the finger')
  await touch('touchEnd')
  assert.equal(await page.evaluate(() => scrollY), 0, 'the page does not scroll under a drag')
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 390, `the page is ${wide} px wide`)
  await page.close()
})

test('keys move the handle: arrows, Shift, Home', async () => {
  const page = await drawn(await open(browser))
  await plane(page).focus()
  await page.keyboard.press('ArrowRight')
  await until(() => handle(page), ([x, y]) => Math.abs(x - 51) < 0.01 && Math.abs(y - 50) < 0.01, 'one step right')
  await page.keyboard.press('Shift+ArrowUp')
  await until(() => handle(page), ([, y]) => Math.abs(y - 40) < 0.01, 'ten steps up')
  await until(() => code(page), ([x, y]) => x > 0.02 && y > 0.24, 'code follows')
  await page.keyboard.press('Home')
  await until(() => handle(page), ([x, y]) => x === 50 && y === 50, 'the middle')
  await until(() => code(page), ([x, y]) => x === 0 && y === 0, 'the origin')
  await page.close()
})

test('the grid slider changes the plane', async () => {
  const page = await drawn(await open(browser))
  await page.getByLabel('Grid size').fill('7')
  await until(() => pixels(page, 'plane').then(p => p.length), n => n === (7 * 28) ** 2 * 4, 'plane of 7 x 7 tiles')
  await page.close()
})

test('training lowers the loss, changes the plane, answers drags, pauses, steps, goes on and resets', async () => {
  const page = await drawn(await open(browser, `?grid=10${small}`))
  await until(() => pixels(page, 'plane').then(p => p.length), n => n === 280 * 280 * 4, 'plane')
  const shipped = await pixels(page, 'plane')
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 1, 'a first step')
  const first = await loss(page, 'total')
  await until(() => step(page), n => n >= 60, 'sixty steps')
  assert.ok(await loss(page, 'total') < 0.7 * first, 'the loss falls')
  await until(() => pixels(page, 'plane'), p => difference(p, shipped) > 60, 'another plane')

  const before = await step(page)
  await dragTo(page, 0.5, 0.5)
  await page.mouse.down()
  await dragTo(page, 0.9, 0.5)
  await until(() => code(page), ([x]) => Math.abs(x - 1.28) < 0.03, 'a drag is answered', 3000)
  await page.mouse.up()
  await until(() => step(page), n => n > before, 'training goes on meanwhile')
  await until(() => loss(page, 'test'), nats => nats > 100 && nats < 400, 'a bound on the test images')

  await button(page, 'Pause').click()
  await until(() => button(page, 'Train').isEnabled(), enabled => enabled, 'paused')
  const paused = await step(page)
  await page.waitForTimeout(600)
  assert.equal(await step(page), paused, 'pause stops the count')
  await button(page, 'Step').click()
  await until(() => step(page), n => n === paused + 1, 'one step')
  await page.waitForTimeout(400)
  assert.equal(await step(page), paused + 1, 'and no more')
  await button(page, 'Train').click()
  await until(() => step(page), n => n > paused + 5, 'the run goes on')

  await button(page, 'Reset').click()
  await until(() => pixels(page, 'plane'), p => difference(p, shipped) === 0, 'the shipped model is back')
  assert.ok(Number.isNaN(await loss(page, 'total')), 'no losses of the old run')
  healthy(page)
  await page.close()
})

test('the same seed gives the same run', async () => {
  const losses = async () => {
    const page = await drawn(await open(browser, `?grid=5&seed=7${small}`))
    const seen = []
    for (let count = 1; count <= 3; count++) {
      await button(page, 'Step').click()
      await until(() => step(page), n => n === count, `step ${count}`)
      seen.push(await loss(page, 'total'))
    }
    await page.close()
    return seen
  }
  assert.deepEqual(await losses(), await losses())
})

test('training goes on in a hidden tab', async () => {
  const page = await drawn(await open(browser, `?grid=5${small}`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 5, 'training')
  const other = await browser.newPage()
  await other.goto('about:blank')
  await other.bringToFront()
  const before = await step(page)
  await other.waitForTimeout(1500)
  assert.ok(await step(page) > before + 10, 'steps while hidden')
  await other.close()
  await page.close()
})

test('a link restores settings, seed and point, and follows changes', async () => {
  const page = await drawn(await open(browser, '?seed=42&grid=12&at=0.25,0.75&beta=4&latent_dim=3&epochs=nonsense'))
  assert.deepEqual(await handle(page), [25, 25])
  await page.getByText('Settings of the next run').click()
  const value = label => page.getByLabel(label, { exact: true }).inputValue()
  assert.deepEqual(await Promise.all(['Beta', 'Latent dimensions', 'Seed', 'Epochs'].map(value)), ['4', '3', '42', '20'])
  await page.getByLabel('Beta', { exact: true }).fill('2.5')
  await page.getByLabel('Beta', { exact: true }).press('Enter')
  await plane(page).focus()
  await page.keyboard.press('Home')
  const url = await until(() => page.url(), url => url.includes('beta=2.5') && url.includes('at=0.5000,0.5000'), 'link')
  const again = await drawn(await open(browser, new URL(url).search))
  assert.deepEqual(await handle(again), [50, 50])
  await again.getByText('Settings of the next run').click()
  assert.equal(await again.getByLabel('Beta', { exact: true }).inputValue(), '2.5')
  await again.getByRole('button', { name: 'Set Beta back to 1' }).click()
  assert.equal(await again.getByLabel('Beta', { exact: true }).inputValue(), '1')
  await page.close()
  await again.close()
})

test('a setting that does not fit is refused in words', async () => {
  const page = await drawn(await open(browser))
  await page.getByText('Settings of the next run').click()
  await page.getByLabel('Batch size', { exact: true }).fill('99999')
  await page.getByLabel('Batch size', { exact: true }).press('Enter')
  await page.getByText('Not used: it takes a whole number from 1 to 1024.').waitFor()
  await page.close()
})

test('a broken data file is said in words and loses nothing', async () => {
  const page = await drawn(await open(browser, '', {
    before: page => page.route('**/train-images-0.idx.gz', route => route.fulfill({ body: 'not a data file' })),
  }))
  const shipped = await pixels(page, 'digit')
  await button(page, 'Train').click()
  const alert = page.getByRole('alert')
  await alert.getByText('the images file is not an IDX file').waitFor()
  assert.equal(difference(await pixels(page, 'digit'), shipped), 0)
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowLeft')
  await until(() => pixels(page, 'digit'), p => difference(p, shipped) > 10, 'still draggable')
  await page.unroute('**/train-images-0.idx.gz')
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 2, 'a second try trains')
  await page.close()
})

test('a loss that is no number keeps the last good weights and offers a lower rate', async () => {
  const page = await drawn(await open(browser, `?grid=5&learning_rate=1${small}`))
  await button(page, 'Train').click()
  const lower = page.getByRole('button', { name: 'Go on with a learning rate of 0.1' })
  await lower.waitFor({ timeout: 60_000 })
  const before = await step(page)
  await lower.click()
  await until(() => step(page), n => n > 0 && n !== before, 'training goes on')
  assert.ok(Number.isFinite(await loss(page, 'total')), 'with losses that are numbers')
  await page.close()
})

test('an engine that breaks is started again and the page stays usable', async () => {
  const page = await drawn(await open(browser, `?grid=5${small}`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 3, 'training')
  await button(page, 'Pause').click()
  await until(() => button(page, 'Train').isEnabled(), enabled => enabled, 'paused')
  const at = await step(page)
  // What a trap of the wasm module looks like from outside.
  await page.workers()[0].evaluate(() => { setTimeout(() => { throw new RangeError('out of memory') }) })
  await page.getByRole('alert').getByText(/ran out of memory[^]*goes on from its last backup/).waitFor()
  await until(() => badge(page).innerText(), text => text.includes('started again'), 'badge')
  await button(page, 'Train').click()
  await until(() => step(page), n => n > at, 'the run goes on where it was')
  await page.close()
})

test('the page works from a sub-path of any server', async () => {
  const page = await browser.newPage()
  // A second origin, where the page lies in a folder.
  await page.route('http://elsewhere.test/**', async route => {
    const path = new URL(route.request().url()).pathname
    if (!path.startsWith('/some/folder/')) return route.fulfill({ status: 404 })
    const response = await page.request.get(PAGE_URL + path.slice('/some/folder'.length))
    return route.fulfill({ response })
  })
  await page.goto('http://elsewhere.test/some/folder/')
  await drawn(page)
  await page.close()
})

test('memory is flat over 2,000 steps', { timeout: 300_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5&encoder_hidden=32&decoder_hidden=32&images=2000&batch_size=32&epochs=1000'))
  const memory = async () => {
    const match = /memory ([\d.]+) MB/.exec(await page.locator('.speeds').innerText())
    return match ? Number(match[1]) : 0
  }
  await button(page, 'Train').click()
  // By then all data has arrived, the first backup and the first measurement are done.
  await until(() => page.locator('.download').count(), n => n === 0, 'all data', 60_000)
  const from = await until(() => step(page), n => n > 600, '600 steps', 120_000)
  await page.waitForTimeout(6000)
  const before = await memory()
  await until(() => step(page), n => n > from + 2600, '2,000 steps more', 240_000)
  const growth = await memory() - before
  assert.ok(before > 0 && growth <= 2, `memory grew by ${growth} MB from ${before} MB`)
  await page.close()
})
