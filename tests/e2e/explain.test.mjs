// What is told of a model: its explanation with the numbers of the run in it, its networks at work, and what the judge sees.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, code, drawn, healthy, launch, loss, open, picture, plane, step, until } from './browser.mjs'
import { images, labels } from './idx.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const panel = page => page.locator('#panel-how')
/** The number under a part of the objective. */
const under = (page, part) => panel(page).locator(`.objective munder:has(> [data-${part}]) > .live`)

test('every family is explained, its objective in the colours of the chart', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&open=how'))
  const menu = page.locator('.family select')
  const families = await menu.locator('option').evaluateAll(options => options.map(option => option.value))
  assert.ok(families.length > 10)
  const what = () => panel(page).evaluate(panel => panel.querySelector('p.what')?.textContent ?? '')
  let before = await until(what, text => text.length > 100, 'what the first is')
  // The one on show first is chosen last.
  for (const family of [...families.slice(1), families[0]]) {
    await menu.selectOption(family)
    await until(() => page.url(), url => url.includes(`family=${family}`) || family === families[0], 'the family')
    before = await until(what, text => text.length > 100 && text !== before, `${family}: what it is`)
    assert.ok(await panel(page).locator('.mistakes li').count() >= 3, `${family}: mistakes`)
    assert.match(await panel(page).getByRole('link').first().getAttribute('href'), /^https:/)
    const terms = await panel(page).evaluate(panel => [...panel.querySelectorAll('.objective [data-term]')]
      .map(term => [term.dataset.term, getComputedStyle(term).getPropertyValue('--term')]))
    assert.ok(terms.length > 0, family)
    for (const [term, color] of terms) {
      const swatch = page.locator(`.legend li:has(output[data-loss="${term}"]) .swatch`)
      // Darker or brighter on the page, so that it can be read.
      assert.deepEqual(color.match(/\d+/g), (await swatch.evaluate(swatch => getComputedStyle(swatch).color)).match(/\d+/g), `${family}: ${term}`)
    }
  }
  healthy(page)
  await page.close()
})

test('under each term stands its number, under each setting its value', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&open=how&beta=2.5'))
  await under(page, 'term="total"').waitFor()
  assert.equal(await under(page, 'term="total"').textContent(), '\u2013', 'before there is a run')
  assert.equal(await under(page, 'setting="beta"').first().textContent(), '2.5')
  await button(page, 'Step').click()
  await until(() => step(page), n => n === 1, 'a step', 60_000)
  for (const term of ['total', 'reconstruction', 'kl']) {
    const number = await until(() => under(page, `term="${term}"`).textContent(), text => text !== '\u2013', term)
    assert.equal(Number(number), await loss(page, term), term)
  }
  await page.close()
})

test('the networks show what they compute for the code under the handle', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&open=how'))
  const figures = panel(page).locator('.network')
  await until(() => figures.count(), n => n === 2, 'decoder and encoder')
  const units = await figures.locator('li > span:first-of-type').allInnerTexts()
  assert.equal(units[0], 'code, 2')
  assert.equal(units[1], '128 units', 'as the shipped model was trained')
  assert.ok(units.includes('image, 28 \u00d7 28') && units.at(-1) === 'code of the image, 2', `${units}`)
  assert.match(await figures.first().locator('li').nth(1).innerText(), /\d+ above zero, up to \d/)

  const hidden = '#panel-how .network li:nth-child(2) canvas'
  const before = await picture(page, hidden)
  const image = await picture(page, '#panel-how .network canvas.image')
  await plane(page).focus()
  for (let count = 0; count < 5; count++) await page.keyboard.press('Shift+ArrowRight')
  await until(() => picture(page, hidden), now => `${now}` !== `${before}`, 'other units')
  await until(() => picture(page, '#panel-how .network canvas.image'), now => `${now}` !== `${image}`, 'another image')

  // Nothing is followed that cannot be seen.
  await panel(page).locator('summary').first().click()
  await page.waitForTimeout(300)
  const last = await picture(page, hidden)
  for (let count = 0; count < 5; count++) await page.keyboard.press('Shift+ArrowUp')
  await page.waitForTimeout(300)
  assert.deepEqual(await picture(page, hidden), last)
  const encoders = () => page.requests.filter(url => url.includes('/encoder.')).length
  const fetched = encoders()
  await page.locator('.family select').selectOption('beta-vae')
  await until(() => page.locator('.latents').innerText(), text => text.includes('z10'), 'another model')
  await page.waitForTimeout(500)
  assert.equal(encoders(), fetched, 'nor is what it takes fetched')
  healthy(page)
  await page.close()
})

test('a model without an encoder shows its decoder alone', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&family=mcem-vae&open=how'))
  const figures = panel(page).locator('.network')
  await figures.first().waitFor()
  assert.equal(await figures.count(), 1)
  await page.close()
})

test('who does not see the digit hears where the handle is and what the judge sees there', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&at=0.2,0.55'))
  const line = page.locator('.judge')
  assert.equal(await line.getAttribute('role'), 'status')
  const isAsked = () => page.requests.some(url => url.includes('judge'))
  await page.waitForTimeout(1000)
  assert.ok(!isAsked(), 'the judge is not fetched before the handle moves')

  await plane(page).focus()
  await page.keyboard.press('ArrowRight')
  const sees = async () => (await line.textContent()).match(/^At z = (.+): The judge sees (\d) \((\d+) % sure\)\.$/)
  await until(sees, seen => seen !== null, 'a verdict')
  assert.ok(isAsked())
  const digits = new Set()
  // Along the row below the middle many digits lie.
  for (let count = 0; count < 3; count++) {
    for (let press = 0; press < 2; press++) await page.keyboard.press('Shift+ArrowRight')
    await page.waitForTimeout(200)
    const here = (await code(page)).map(n => n.toFixed(2)).join(', ')
    const [, place, digit, percent] = await until(sees, seen => seen?.[1].replaceAll('\u2212', '-') === here, `at ${here}`)
    assert.ok(Number(percent) > 10 && Number(percent) <= 100, `${place}: ${percent}`)
    digits.add(digit)
  }
  assert.ok(digits.size > 1, `another place, another digit: ${[...digits]}`)
  healthy(page)
  await page.close()
})

test('where nobody judges, the place alone is said: without the judge, and with images that it does not know', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&at=0.2,0.55&open=images', {
    before: page => page.route('**/models/judge.safetensors', route => route.abort()),
  }))
  const place = () => page.getByLabel('Code z').innerText()
  const isSaid = what => until(async () => [await page.locator('.judge').textContent(), await place()],
    ([said, place]) => said.trim() === `At z = ${place}.`, what)
  const box = await plane(page).boundingBox()
  await page.mouse.move(box.x + 0.2 * box.width, box.y + 0.45 * box.height)
  await page.mouse.down()
  await page.mouse.move(box.x + 0.7 * box.width, box.y + 0.4 * box.height, { steps: 5 })
  await until(async () => (await code(page))[0], x => x > 0.4, 'the code follows')
  await page.mouse.up()
  const [, dragged] = await isSaid('without the judge')
  assert.ok(page.requests.some(url => url.includes('judge')), 'it was asked for')

  await page.unroute('**/models/judge.safetensors')
  const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer })
  await page.getByLabel('Open images').setInputFiles([
    file('train-images-idx3-ubyte', images(300)), file('train-labels-idx1-ubyte', labels(300))])
  await until(() => page.getByRole('status', { name: 'Images in use' }).innerText(), text => text.startsWith('Own images ('), 'own images')
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowRight')
  await until(place, place => place !== dragged, 'another code')
  await isSaid('with own images')
  await page.close()
})
