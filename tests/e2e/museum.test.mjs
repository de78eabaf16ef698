// Every family in one page: choosing, looking into the code, measuring, and settings that follow while training.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  button, code, difference, drawn, handle, healthy, launch, loss, open, pixels, plane, step, until,
} from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** Small enough for a step in no time; a family takes what it knows of it. */
const TOY = '&encoder_hidden=32&decoder_hidden=32&images=2000&batch_size=32&epochs=1000'

const menu = page => page.locator('.family select')
const select = (page, name) => page.getByRole('combobox', { name, exact: true })
const slider = (page, name) => page.getByRole('slider', { name, exact: true })

async function families(page) {
  return until(() => menu(page).locator('option').evaluateAll(all => all.map(o => o.value)), ids => ids.length > 0, 'menu')
}

/** Largest difference between the bytes of a picture, without those of its alpha. */
function contrast(bytes) {
  const colors = bytes.filter((_, index) => index % 4 !== 3)
  return colors.reduce((a, b) => Math.max(a, b), 0) - colors.reduce((a, b) => Math.min(a, b), 255)
}

/** Whether two pictures differ; one of another size does. */
const differs = (a, b, least = 20) => a.length !== b.length || difference(a, b) > least

/** Waits until a canvas shows something else than it did. */
const changed = (page, which, from, what, timeout) => until(() => pixels(page, which), p => differs(p, from), what, timeout)

async function drag(page, [x0, y0], [x1, y1]) {
  await plane(page).scrollIntoViewIfNeeded()
  const box = await plane(page).boundingBox()
  const at = (x, y) => [box.x + box.width * x, box.y + box.height * y]
  await page.mouse.move(...at(x0, y0))
  await page.mouse.down()
  await page.mouse.move(...at(x1, y1), { steps: 4 })
  await page.mouse.up()
}

test('every family can be chosen, draws its shipped model and is dragged', { timeout: 300_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  const ids = await families(page)
  assert.ok(ids.length > 1, `families: ${ids}`)
  // The first one is on show: it comes last.
  for (const id of [...ids.slice(1), ids[0]]) {
    const old = await pixels(page, 'plane')
    await menu(page).selectOption(id)
    await changed(page, 'plane', old, `${id} draws its plane`)
    assert.ok(page.requests.some(url => url.includes(`/models/${id}/decoder`)), `weights of ${id}`)
    await until(() => page.locator('.state').innerText(), text => text.startsWith('Shipped model: test'), `${id} is known`)
    const first = await until(() => pixels(page, 'digit'), p => contrast(p) > 60, `${id} draws a digit`)
    await drag(page, [0.5, 0.5], [0.85, 0.2])
    await changed(page, 'digit', first, `${id} is dragged`)
    await plane(page).focus()
    await page.keyboard.press('Home')
    // A long code ends in an ellipsis.
    await until(() => code(page), z => z.filter(Number.isFinite).every(v => v === 0), `${id} is back in the middle`)
  }
  assert.equal(await page.getByRole('alert').innerText(), '', 'no alert')
  healthy(page)
  await page.close()
})

test('every family trains', { timeout: 600_000 }, async t => {
  const page = await drawn(await open(browser, '?grid=5'))
  const ids = await families(page)
  await page.close()
  for (const id of ids) {
    await t.test(id, async () => {
      const page = await drawn(await open(browser, `?family=${id}&grid=5${TOY}`))
      assert.equal(await menu(page).inputValue(), id)
      await button(page, 'Step').click()
      await until(() => step(page), n => n >= 1, `${id} does a step`, 90_000)
      const losses = await page.locator('output[data-loss]').allInnerTexts()
      assert.ok(/\d/.test(losses[0]) && losses.every(text => !text.includes('NaN')), `losses: ${losses}`)
      await until(() => pixels(page, 'digit'), p => contrast(p) > 0, `${id} draws what it learned`)
      await until(() => button(page, 'Reset').isEnabled(), enabled => enabled, 'Reset')
      await button(page, 'Reset').click()
      await until(() => step(page), n => n === 0, 'the run is gone')
      healthy(page)
      await page.close()
    })
  }
})

test('a model with classes draws the one that is asked for', async () => {
  const page = await drawn(await open(browser, '?family=conditional-vae&grid=5'))
  const group = page.getByRole('radiogroup', { name: 'Class' })
  assert.equal(await group.getByRole('radio').count(), 10)
  assert.ok(await group.getByRole('radio', { name: '0', exact: true }).isChecked())
  for (const name of ['1', '3', '8', '0']) {
    const [digit, manifold] = [await pixels(page, 'digit'), await pixels(page, 'plane')]
    await group.getByRole('radio', { name, exact: true }).check()
    await changed(page, 'digit', digit, `a digit of class ${name}`)
    await changed(page, 'plane', manifold, `a plane of class ${name}`)
  }
  assert.ok((await code(page)).length <= 4, 'the class is no part of the code that is shown')

  await select(page, 'Beside the digit').selectOption('All ten classes')
  const strip = page.locator('.strip-surface canvas')
  await strip.waitFor()
  const classes = await until(() => pixels(page, 'strip'), p => p.length === 10 * 28 * 28 * 4 && contrast(p) > 100, 'ten classes')
  await drag(page, [0.5, 0.5], [0.15, 0.8])
  await changed(page, 'strip', classes, 'the strip follows the handle')
  await select(page, 'Beside the digit').selectOption('Nothing')
  await strip.waitFor({ state: 'hidden' })
  healthy(page)
  await page.close()
})

test('samples stand beside the digit, the mean first', async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await select(page, 'Beside the digit').selectOption('Samples of x')
  const strip = await until(() => pixels(page, 'strip'), p => p.length % (28 * 28 * 4) === 0 && contrast(p) > 100, 'samples')
  const width = await page.locator('.strip-surface canvas').evaluate(canvas => canvas.width)
  const digit = await pixels(page, 'digit')
  const first = digit.map((_, index) => strip[Math.floor(index / 112) * width * 4 + index % 112])
  assert.ok(difference(first, digit) <= 1, 'the first is the digit itself')
  const box = await page.locator('.strip-surface').boundingBox()
  assert.ok(Math.abs(box.height / box.width - strip.length / 4 / width / width) < 0.03, 'tiles are square')
  healthy(page)
  await page.close()
})

test('two sliders move the handle and follow it', async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await slider(page, 'z1').fill('1')
  await until(() => handle(page), ([x, y]) => Math.abs(x - 84.13) < 0.1 && Math.abs(y - 50) < 0.1, 'the handle moves')
  await until(() => code(page), ([x, y]) => Math.abs(x - 1) < 0.01 && Math.abs(y) < 0.01, 'the code is exact')
  await drag(page, [0.8413, 0.5], [0.5, 0.1587])
  await until(() => slider(page, 'z2').inputValue(), value => Math.abs(value - 1) <= 0.05, 'z2 follows')
  assert.ok(Math.abs(await slider(page, 'z1').inputValue()) <= 0.05, 'z1 follows')
  await button(page, 'Centre').click()
  await until(() => handle(page), ([x, y]) => x === 50 && y === 50, 'the middle')
  healthy(page)
  await page.close()
})

test('more than two latents: axes, sliders, traversals, a plane through digits', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?family=beta-vae&grid=7'))
  const count = await select(page, 'Across').locator('option').count()
  assert.ok(count > 2, `${count} latents`)
  assert.equal(await page.getByRole('group', { name: 'Latents', exact: true }).getByRole('slider').count(), count)

  // The plane turns around the digit.
  let [digit, manifold] = [await pixels(page, 'digit'), await pixels(page, 'plane')]
  await select(page, 'Across').selectOption('z3')
  manifold = await changed(page, 'plane', manifold, 'the plane along z3')
  assert.ok(difference(await pixels(page, 'digit'), digit) <= 4, 'the digit stays')
  await slider(page, 'z3').fill('1')
  await until(() => handle(page), ([x]) => Math.abs(x - 84.13) < 0.1, 'z3 lies across')
  await select(page, 'Up').selectOption('z3')
  assert.equal(await select(page, 'Across').inputValue(), '1', 'the axes change places')
  await until(() => handle(page), ([x, y]) => Math.abs(x - 50) < 0.1 && Math.abs(y - 15.87) < 0.1, 'and so does the handle')

  // What is held: not every latent need say something.
  digit = await pixels(page, 'digit')
  for (let latent = 4; latent <= count; latent++) await slider(page, `z${latent}`).fill('2')
  await changed(page, 'digit', digit, 'other latents change the digit')
  await button(page, 'Centre').click()
  await until(() => slider(page, `z${count}`).inputValue(), value => Number(value) === 0, 'all at 0')

  await select(page, 'Beside the digit').selectOption('Each latent by itself')
  const rows = Math.min(count, 20)
  const tiles = p => p.length / (28 * 28 * 4)
  await until(() => pixels(page, 'strip'), p => tiles(p) % rows === 0 && tiles(p) > rows && contrast(p) > 100, 'traversals')
  const labels = await until(() => page.locator('.strip-rows li').allInnerTexts(),
    all => all.length === rows && all.every(text => /^z\d+ · \d+\.\d nats$/.test(text)), 'nats per latent', 60_000)
  const nats = labels.map(text => Number(/· (.*) nats/.exec(text)[1]))
  assert.deepEqual(nats, nats.toSorted((a, b) => b - a), 'sorted by KL')
  const [heights, height] = [
    await page.locator('.strip-rows').evaluate(e => e.getBoundingClientRect().height),
    await page.locator('.strip-surface canvas').evaluate(e => e.getBoundingClientRect().height),
  ]
  assert.ok(Math.abs(heights - height) < 4, 'names stand beside their rows')
  let strip = await pixels(page, 'strip')
  // The latent that says most, held elsewhere, changes all other rows.
  await slider(page, labels[0].split(' ')[0]).fill('-1.5')
  strip = await changed(page, 'strip', strip, 'the strip follows')

  manifold = await pixels(page, 'plane')
  await page.getByLabel('Through three digits').check()
  await changed(page, 'plane', manifold, 'a plane through three digits', 60_000)
  assert.ok(await slider(page, 'z1').isDisabled(), 'the plane lies along no axis')
  manifold = await pixels(page, 'plane')
  await page.getByRole('spinbutton', { name: 'Second digit' }).fill('77')
  await page.getByRole('spinbutton', { name: 'Second digit' }).press('Enter')
  manifold = await changed(page, 'plane', manifold, 'another digit')
  await page.getByLabel('Through three digits').uncheck()
  await changed(page, 'plane', manifold, 'axes again')
  assert.equal(page.requests.filter(url => url.includes('/encoder.safetensors')).length, 1, 'the encoder came once')
  healthy(page)
  await page.close()
})

test('a model is measured, and measuring stops', { timeout: 600_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  const panel = page.getByRole('region', { name: 'Measure', exact: true })
  await button(page, 'Measure').click()
  await button(page, 'Stop').waitFor()
  await until(() => panel.getByRole('progressbar').evaluate(bar => bar.value), value => value > 0, 'progress', 120_000)
  await drag(page, [0.5, 0.5], [0.9, 0.5])
  await until(() => code(page), ([x]) => Math.abs(x - 1.28) < 0.03, 'a drag is answered meanwhile', 5000)
  await panel.getByRole('table').first().waitFor({ timeout: 480_000 })
  await button(page, 'Measure').waitFor()

  const accuracy = /right on ([\d.]+) %/.exec(await panel.innerText())
  assert.ok(accuracy && Number(accuracy[1]) > 95, 'how good the judge is')
  assert.ok(await panel.getByRole('columnheader', { name: 'Real digits' }).count() > 0, 'real digits to compare with')
  const row = panel.locator('tr[data-measure=samples_sure]')
  const [sure, real] = (await row.locator('.number').allInnerTexts()).map(text => parseFloat(text.replaceAll(',', '')))
  assert.ok(sure > 10 && sure <= 100 && real > sure, `the judge is sure of ${sure} % and of ${real} % of real digits`)
  // The file says what the command line measured on the same images.
  const said = /test \u2212ELBO ([\d.]+) nats/.exec(await page.locator('.state').innerText())
  const measured = parseFloat(await panel.locator('tr[data-measure=neg_elbo] .value').innerText())
  assert.ok(Math.abs(measured - Number(said[1])) < 0.15, `${measured} in the tab, ${said[1]} on the command line`)
  assert.match(await panel.locator('.origin').innerText(), /^shipped weights · CPU \(SIMD\) · .*MNIST.* · seed \d+ · .* epochs?$/)

  await button(page, 'Measure').click()
  await until(() => panel.getByRole('progressbar').count(), n => n === 1, 'a second measurement')
  await button(page, 'Stop').click()
  await button(page, 'Measure').waitFor()
  assert.equal(await panel.getByRole('progressbar').count(), 0)
  assert.ok(await panel.getByRole('table').count() > 0, 'the numbers stay')
  healthy(page)
  await page.close()
})

test('a judge that does not come is said in words', async () => {
  const page = await drawn(await open(browser, '?grid=5', {
    before: page => page.route('**/models/judge.safetensors', route => route.fulfill({ status: 404 })),
  }))
  await button(page, 'Measure').click()
  await page.getByRole('alert').getByText('The judge of digits could not be fetched').waitFor()
  await button(page, 'Measure').waitFor()
  await page.unroute('**/models/judge.safetensors')
  await button(page, 'Measure').click()
  await button(page, 'Stop').waitFor()
  await button(page, 'Stop').click()
  await button(page, 'Measure').waitFor()
  await page.close()
})

test('a live setting changes the run and does not begin it anew', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  const beta = page.getByLabel('Beta', { exact: true })
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 10, 'ten steps')
  let last = await step(page)
  const grows = async what => {
    const from = last
    last = await until(() => step(page), n => {
      assert.ok(n >= last, `${what}: from step ${last} to ${n}`)
      last = n
      return n > from + 10
    }, what)
  }
  await slider(page, 'Beta slider').fill('100')
  assert.equal(await beta.inputValue(), '10', 'the slider is linear')
  await grows('with another beta')
  await page.getByLabel('Learning rate', { exact: true }).fill('0.0005')
  await page.getByLabel('Learning rate', { exact: true }).press('Enter')
  await grows('with another learning rate')
  await button(page, 'Pause').click()
  await until(() => button(page, 'Train').isEnabled(), enabled => enabled, 'paused')
  const [total, reconstruction, kl] = [await loss(page, 'total'), await loss(page, 'reconstruction'), await loss(page, 'kl')]
  assert.ok(Math.abs(total - reconstruction - 10 * kl) < 1.2, `${total} = ${reconstruction} + 10 x ${kl}`)
  await until(() => page.url(), url => url.includes('beta=10') && url.includes('learning_rate=0.0005'), 'link')
  await page.getByRole('button', { name: 'Set Beta back to 1' }).click()
  await button(page, 'Train').click()
  await grows('after the pause')
  assert.equal(await page.getByRole('alert').innerText(), '', 'no alert')
  healthy(page)
  await page.close()
})

test('nothing is wider than a small screen', async () => {
  const page = await drawn(await open(browser, '?family=beta-vae&grid=5', {
    context: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  }))
  await page.getByText('The code', { exact: true }).click()
  await select(page, 'Beside the digit').selectOption('Each latent by itself')
  await page.locator('.strip-surface canvas').waitFor()
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 390, `the page is ${wide} px wide`)
  await page.close()
})
