// The panel in which a digit is drawn, or a test digit taken, and seen through the model; and its marks on the plane.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, code, difference, draw, drawn, handle, healthy, launch, open, pad, pixels, step, until } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const TOY = '&encoder_hidden=32&decoder_hidden=32&images=2000&batch_size=32&epochs=1000'

/** Strokes in shares of the pad. */
const SEVEN = [[[0.25, 0.2], [0.5, 0.21], [0.75, 0.2], [0.4, 0.85]]]
const BAR = [[[0.35, 0.5], [0.7, 0.5]]]

const panel = page => page.locator('#panel-draw')
const ink = page => pad(page).locator('path').getAttribute('d')
const number = page => page.getByRole('spinbutton', { name: 'Number of the test digit' })
const menu = page => page.locator('.family select')
const place = page => panel(page).getByText(/% across/).first().innerText({ timeout: 5000 })
const mark = async (page, name) => (await page.locator(`.marks .${name} path`).last().getAttribute('d')) ?? ''

async function opened(query, options) {
  const page = await drawn(await open(browser, query, options))
  await panel(page).locator('> summary').click()
  await pad(page).waitFor()
  return page
}

/** A picture of the panel as 784 shares of ink, in the light theme; empty where there is none. */
async function picture(page, name) {
  const canvas = page.getByRole('img', { name, exact: true }).and(page.locator('canvas'))
  if (await canvas.count() === 0) return []
  return canvas.evaluate(canvas => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    return [...data].filter((_, index) => index % 4 === 0).map(red => (255 - red) / (255 - 0x17))
  })
}

const INPUT = 'What the model sees'
const RECONSTRUCTION = 'Reconstruction'
const SAMPLE = 'Reconstruction of the drawn code'

/** The image that the model sees, once it is another one and stays: a stroke is seen before it is complete. */
async function input(page, not = []) {
  const settled = async () => {
    const seen = await picture(page, INPUT)
    await page.waitForTimeout(400)
    const later = await picture(page, INPUT)
    return seen.length === 784 && later.length === 784 && distance(seen, later) === 0 ? seen : []
  }
  const isNew = seen => seen.length === 784 && Math.max(...seen) > 0.9 && (not.length === 0 || distance(seen, not) > 0.002)
  return until(settled, isNew, 'an image is seen')
}

const distance = (a, b) => a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length

/** Numbers of the table, a row per latent: mean and, of a distribution, deviation, drawn code and KL. */
const latents = page => page.getByRole('region', { name: 'Latents of this image' }).locator('tbody tr').evaluateAll(
  rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => Number(cell.textContent.replaceAll('\u2212', '-')))))

/** Where the mean is marked, as shares of the plane's width and height in percent; nothing where it is not. */
async function mean(page) {
  const found = (await mark(page, 'mean'))?.match(/-?[\d.]+/g)
  if (!found) return undefined
  const [left, y, , , right] = found.map(Number)
  return [50 * (left + right), 100 * y]
}

test('a drawing is centred, seen, and marked on the plane', async () => {
  const page = await opened('?grid=5')
  assert.ok(!page.requests.some(url => url.includes('/encoder')), 'nothing is fetched before it is needed')
  await draw(page, SEVEN)
  const seen = await input(page)
  // As MNIST: twenty pixels long, its centre of mass in the middle.
  const rows = Array.from({ length: 28 }, (_, y) => Math.max(...seen.slice(28 * y, 28 * y + 28)))
  const high = rows.filter(value => value > 0.05).length
  assert.ok(high >= 19 && high <= 21, `${high} rows of ink`)
  const mass = seen.reduce((a, b) => a + b)
  const middle = [at => at % 28, at => Math.floor(at / 28)].map(
    axis => seen.reduce((sum, value, at) => sum + value * (axis(at) + 0.5), 0) / mass)
  assert.ok(middle.every(value => Math.abs(value - 14) < 0.5), `centre of mass ${middle}`)

  const reconstruction = await picture(page, RECONSTRUCTION)
  assert.ok(Math.max(...reconstruction) > 0.5, 'a reconstruction')
  const apart = await picture(page, 'Difference')
  assert.ok(apart.every((value, at) => Math.abs(value - Math.abs(seen[at] - reconstruction[at])) < 0.02), 'the difference')
  assert.equal((await picture(page, SAMPLE)).length, 784)

  const loss = (await page.getByLabel('Loss of this image').innerText()).replaceAll('\u2212', '-')
  const [, total, one, kl] = /^\S+ ([-\d.]+) nats[^=]* = [^=+]+ ([-\d.]+) \+ KL ([-\d.]+)\.$/.exec(loss)?.map(Number) ?? []
  assert.ok(Math.abs(total - one - kl) < 0.2, loss)
  const table = await latents(page)
  assert.ok(table.length === 2 && table.flat().every(Number.isFinite), JSON.stringify(table))
  // The table is of the greys, the loss of black and white draws of them.
  assert.ok(Math.abs(table[0][3] + table[1][3] - kl) < 1, loss)

  // Its marks, and the sentence for those who do not see them.
  const [x, y] = await mean(page)
  const said = /^Your drawing lies (\d+) % across and (\d+) % up\.$/.exec(await place(page)) ?? []
  assert.ok(Math.abs(said[1] - x) < 0.6 && Math.abs(said[2] - (100 - y)) < 0.6, `${said[0]}, marked at ${x}, ${y}`)
  for (const name of ['ring', 'far', 'drawn']) assert.ok((await mark(page, name)).length > 10, name)
  const spoken = page.getByRole('status', { name: 'Where it lies' })
  await until(() => spoken.textContent(), text => text.startsWith('Your drawing lies'), 'it is said')

  // The handle there shows the reconstruction itself.
  await button(page, 'Put the handle there').click()
  await until(() => handle(page), ([a, b]) => Math.abs(a - x) < 0.1 && Math.abs(b - y) < 0.1, 'the handle is there')
  await until(() => code(page), z => z.every((value, at) => Math.abs(value - table[at][0]) < 0.02), 'the code is the mean')
  const digit = (await pixels(page, 'digit')).filter((_, index) => index % 4 === 0).map(red => (255 - red) / (255 - 0x17))
  assert.ok(distance(digit, reconstruction) < 0.01, 'the digit is the reconstruction')
  assert.equal(page.requests.filter(url => url.includes('/encoder.safetensors')).length, 1, 'the encoder came once')
  healthy(page)
  await page.close()
})

test('place and size of a drawing do not matter, strokes are undone, the pad is cleared', async () => {
  const page = await opened('?grid=5')
  await page.getByRole('slider', { name: 'Width of the pen' }).fill('120')
  await draw(page, SEVEN)
  const large = await input(page)
  const first = await ink(page)
  await draw(page, BAR)
  const crossed = await input(page, large)
  await button(page, 'Undo').click()
  assert.equal(await ink(page), first, 'the second stroke is gone')
  assert.ok(distance(await input(page, crossed), large) < 1e-6, 'and what is seen is as before')

  await button(page, 'Clear').click()
  await until(() => mark(page, 'mean'), path => path === '', 'no marks')
  await panel(page).getByText('Draw on the pad').waitFor()
  assert.equal(await ink(page), '')
  assert.ok(await button(page, 'Undo').isDisabled() && await button(page, 'Clear').isDisabled(), 'nothing to undo')

  await page.getByRole('slider', { name: 'Width of the pen' }).fill('60')
  await draw(page, SEVEN.map(stroke => stroke.map(([x, y]) => [0.45 + x / 2, 0.05 + y / 2])))
  const small = await input(page)
  assert.ok(distance(small, large) < 0.04, `half as large, and elsewhere: ${distance(small, large)}`)
  await page.getByRole('slider', { name: 'Width of the pen' }).fill('150')
  const bold = await input(page, small)
  assert.ok(bold.reduce((a, b) => a + b) > 1.3 * small.reduce((a, b) => a + b), 'another pen draws it anew')
  healthy(page)
  await page.close()
})

test('another code is drawn, and looking ends', async () => {
  const page = await opened('?grid=5')
  await draw(page, SEVEN)
  await input(page)
  const [before, cross, at] = [await latents(page), await mark(page, 'drawn'), await mean(page)]
  await button(page, 'Resample').click()
  await until(() => mark(page, 'drawn'), path => path !== cross, 'another code')
  const later = await latents(page)
  assert.notDeepEqual(later.map(row => row[2]), before.map(row => row[2]), 'its numbers')
  assert.deepEqual(later.map(row => row[0]), before.map(row => row[0]), 'the mean stays')
  assert.deepEqual(await mean(page), at)
  await button(page, 'Stop looking').click()
  await until(() => mark(page, 'ring'), path => path === '', 'no marks')
  assert.ok((await ink(page)).length > 10, 'the drawing stays')
  await button(page, 'Back to the drawing').click()
  await input(page)
  healthy(page)
  await page.close()
})

test('a test digit is taken with the keyboard alone', { timeout: 120_000 }, async () => {
  const page = await opened('?grid=5')
  await number(page).focus()
  await page.keyboard.press('Enter')
  await until(() => panel(page).innerText(), text => /Test image 0 \(\d\)/.test(text), 'the first', 60_000)
  const first = await input(page)
  await number(page).fill('7')
  await page.keyboard.press('Enter')
  const seventh = await input(page, first)
  assert.match(await place(page), /^Test image 7 \(\d\) lies/)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Previous')
  await page.keyboard.press('Enter')
  await until(() => place(page), text => text.startsWith('Test image 6 '), 'the one before')
  await button(page, 'Next').click()
  await until(() => place(page), text => text.startsWith('Test image 7 '), 'the one after')
  assert.ok(distance(await picture(page, INPUT), seventh) < 1e-6)
  await button(page, 'Random').click()
  await until(() => place(page), text => !text.startsWith('Test image 7 '), 'any')
  assert.equal(await number(page).inputValue(), /Test image (\d+)/.exec(await place(page))[1])
  await draw(page, SEVEN)
  await until(() => place(page), text => text.startsWith('Your drawing'), 'drawing takes over')
  healthy(page)
  await page.close()
})

test('the mean wanders while the model learns, and the drawing survives Reset', { timeout: 180_000 }, async () => {
  const page = await opened(`?grid=5${TOY}`)
  await draw(page, SEVEN)
  await input(page)
  const [shape, shipped] = [await ink(page), await mean(page)]
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 5, 'steps', 90_000)
  const early = await latents(page)
  await until(() => latents(page), rows => rows.some((row, at) => Math.abs(row[0] - early[at][0]) > 0.05), 'the mean wanders', 90_000)
  await until(() => mark(page, 'trail'), path => path.split('L').length > 2, 'a trail')
  await button(page, 'Reset').click()
  assert.equal(await ink(page), shape)
  await until(() => mean(page), at => at && Math.hypot(at[0] - shipped[0], at[1] - shipped[1]) < 0.1,
    'the shipped model sees it where it did')
  healthy(page)
  await page.close()
})

test('a run begun before anything was looked at lends its encoder, and Reset fetches the shipped one', { timeout: 180_000 }, async () => {
  const page = await opened(`?grid=5${TOY}`)
  await button(page, 'Step').click()
  await until(() => step(page), n => n >= 1, 'a step', 90_000)
  await draw(page, SEVEN)
  await input(page)
  assert.ok(!page.requests.some(url => url.includes('/encoder')), 'a run has its own')
  const run = await mean(page)
  await until(() => button(page, 'Reset').isEnabled(), enabled => enabled, 'Reset')
  await button(page, 'Reset').click()
  await until(() => mean(page), at => at && Math.hypot(at[0] - run[0], at[1] - run[1]) > 1, 'seen by the shipped one')
  healthy(page)
  await page.close()
})

/** Latents at the edge of the plane: all but a thousandth of the prior's mass on each side. */
const EDGE = 3.09

test('every family looks at the same drawing', { timeout: 300_000 }, async () => {
  const page = await opened('?grid=5')
  await draw(page, SEVEN)
  const seen = await input(page)
  const shape = await ink(page)
  const ids = await menu(page).locator('option').evaluateAll(all => all.map(option => option.value))
  const blind = []
  // The first one is on show: it comes last.
  for (const id of [...ids.slice(1), ids[0]]) {
    const old = await pixels(page, 'plane')
    await menu(page).selectOption(id)
    await until(() => page.locator('.state').innerText(), text => text.startsWith('Shipped model'), `${id} is known`)
    await until(() => pixels(page, 'plane'), now => now.length !== old.length || difference(now, old) > 20, `${id} is drawn`)
    if (await panel(page).getByText('It has no encoder').count() === 1) {
      assert.equal(await ink(page), shape, id)
      blind.push(id)
      continue
    }
    await input(page)
    assert.equal(await ink(page), shape, id)
    // Some see greys, others black and white.
    assert.ok(distance(await picture(page, INPUT), seen) < 0.06, `${id} sees the same`)
    const rows = await latents(page)
    assert.ok(rows.length >= 2 && rows.flat().every(Number.isFinite), `${id}: ${JSON.stringify(rows)}`)
    // Where a code is a point, nothing is drawn from a distribution.
    const isDrawn = rows[0].length === 4
    assert.equal(await button(page, 'Resample').count(), isDrawn ? 1 : 0, `${id}: Resample`)
    assert.equal((await mark(page, 'ring')).length > 10, isDrawn, `${id}: rings`)
    assert.equal((await picture(page, SAMPLE)).length, isDrawn ? 784 : 0, `${id}: sample`)
    assert.ok((await mark(page, 'mean')).length > 10, `${id}: mean`)
    await button(page, 'Put the handle there').click()
    await until(async () => [await handle(page), await mean(page)],
      ([a, b]) => Math.abs(a[0] - b[0]) < 0.1 && Math.abs(a[1] - b[1]) < 0.1, `${id}: the handle is there`)
    // With more latents than two, the plane comes along.
    await until(() => place(page), text => !text.includes('off this plane'), `${id}: on the plane`)
    // A mean beyond the plane is shown at its edge.
    const shown = rows.map(([mean]) => Math.max(-EDGE, Math.min(EDGE, mean)))
    await until(() => code(page), z => z.filter(Number.isFinite).every((value, at) => Math.abs(value - shown[at]) < 0.03),
      `${id}: the code is the mean`)
  }
  assert.deepEqual(blind, ['mcem-vae'], 'all others see')
  healthy(page)
  await page.close()
})

test('many moves in one frame are one look', async () => {
  const page = await opened('?grid=5', {
    before: page => page.addInitScript(() => {
      globalThis.looks = 0
      const post = Worker.prototype.postMessage
      Worker.prototype.postMessage = function (message, ...rest) {
        if (JSON.stringify(message?.[0])?.includes('"Observe"')) globalThis.looks += 1
        return post.call(this, message, ...rest)
      }
    }),
  })
  await draw(page, SEVEN)
  const seen = await input(page)
  await page.waitForTimeout(1000)
  const before = await page.evaluate(() => globalThis.looks)
  assert.ok(before > 0, 'looks are counted')
  await pad(page).evaluate(pad => {
    const box = pad.getBoundingClientRect()
    const send = (kind, share) => pad.dispatchEvent(new PointerEvent(kind, {
      pointerId: 77, button: kind === 'pointermove' ? -1 : 0, bubbles: true,
      clientX: box.left + box.width * share, clientY: box.top + box.height * 0.6,
    }))
    send('pointerdown', 0.1)
    for (let at = 1; at <= 100; at++) send('pointermove', 0.1 + at / 125)
    send('pointerup', 0.9)
  })
  await input(page, seen)
  await page.waitForTimeout(600)
  assert.equal(await page.evaluate(() => globalThis.looks) - before, 1, 'a hundred moves, one look')
  healthy(page)
  await page.close()
})

test('an encoder that does not come is said in words', async () => {
  const page = await opened('?grid=5', {
    before: page => page.route('**/encoder.safetensors', route => route.fulfill({ status: 404 })),
  })
  await draw(page, SEVEN)
  await page.getByRole('alert').getByText('The encoder of this model could not be fetched').waitFor()
  await panel(page).getByText('The encoder is awaited').waitFor()
  await page.unroute('**/encoder.safetensors')
  await draw(page, BAR)
  await input(page)
  await page.close()
})

test('the pad has the colours of the theme', async () => {
  const page = await opened('?grid=5', { context: { colorScheme: 'dark' } })
  await draw(page, SEVEN)
  const canvas = page.getByRole('img', { name: INPUT, exact: true })
  await canvas.waitFor()
  const [paper, corner, line] = await Promise.all([
    pad(page).evaluate(pad => getComputedStyle(pad).backgroundColor),
    canvas.evaluate(canvas => [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]),
    pad(page).locator('path').evaluate(path => getComputedStyle(path).stroke),
  ])
  assert.equal(paper, `rgb(${corner.slice(0, 3).join(', ')})`)
  assert.equal(line, 'rgb(242, 244, 255)')
  healthy(page)
  await page.close()
})

test('it fits a small screen and is drawn on with a finger', async () => {
  const page = await opened('?grid=5', {
    context: { viewport: { width: 320, height: 700 }, isMobile: true, hasTouch: true },
  })
  await pad(page).scrollIntoViewIfNeeded()
  const top = await page.evaluate(() => scrollY)
  const box = await pad(page).boundingBox()
  await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2)
  await input(page)
  // A finger that moves draws and does not scroll.
  assert.equal(await pad(page).evaluate(pad => getComputedStyle(pad).touchAction), 'none')
  assert.equal(await page.evaluate(() => scrollY), top)
  const { left, right } = await panel(page).evaluate(panel => panel.getBoundingClientRect().toJSON())
  assert.ok(left >= 0 && right <= 320, `the panel goes from ${left} to ${right}`)
  assert.ok(await panel(page).evaluate(panel => panel.scrollWidth <= panel.clientWidth), 'nothing in it is wider')
  const low = await panel(page).locator('.panel-body button, .panel-body input').evaluateAll(
    all => all.map(one => [one.textContent || one.ariaLabel, one.getBoundingClientRect().height]).filter(([, height]) => height < 44))
  assert.deepEqual(low, [], 'large enough for a finger')
  healthy(page)
  await page.close()
})
