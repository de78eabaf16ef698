// One link for all that is on screen, what is worth trying, and a second model beside the first.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  PAGE_URL, button, code, difference, drawn, handle, handleOf, healthy, launch, open, picture, pixels, plane, step, until,
} from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** Small enough for a step in no time. */
const TOY = '&encoder_hidden=32&decoder_hidden=32&images=2000&batch_size=32&epochs=1000'

const toasts = page => page.getByRole('status', { name: 'What was done' })
const select = (page, name) => page.getByRole('combobox', { name, exact: true })
const search = page => new URL(page.url()).search
const numbers = text => text.replaceAll('\u2212', '-').split(', ').map(Number)

/** What the controls say. */
const state = page => page.evaluate(() => {
  const values = selector => [...document.querySelectorAll(selector)].map(element => element.value)
  return {
    family: values('.family select'),
    settings: values('.training [id^=setting-]'),
    grid: values('.grid-slider input'),
    axes: values('.axes select'),
    latents: values('.latent input'),
    code: document.querySelector('.digit .code output').textContent,
    beside: values('.beside select'),
    open: [...document.querySelectorAll('details.panel[open]')].map(panel => panel.id),
  }
})

test('a link made on one page opens the same on another', { timeout: 180_000 }, async () => {
  const query = '?family=beta-vae&seed=42&grid=7&at=0.2500,0.7000&axes=z2,z4&held=0.5,0,-1,0,1.5' +
    '&beside=latents&view=points&show=013&open=draw,slow&image=17&beta=2.5&epochs=7'
  const one = await drawn(await open(browser, query))
  await until(() => state(one).then(s => s.axes), axes => axes.join() === '1,3', 'the axes of the link')
  const z = await until(() => code(one), z => z[0] === 0.5, 'the code of the link')
  assert.ok([0.5, -0.67, -1, 0.52].every((value, index) => Math.abs(z[index] - value) < 0.011), `z = ${z}`)
  assert.equal(await select(one, 'Beside the digit').inputValue(), 'strip.traversals')
  await until(() => search(one), text => text === query, 'the address bar says the same')

  // Everything that can be changed is changed, and follows.
  await plane(one).focus()
  await one.keyboard.press('Shift+ArrowRight')
  await select(one, 'Up').selectOption('z1')
  await select(one, 'Beside the digit').selectOption('Samples of x')
  await one.locator('#panel-draw > summary').click()
  await one.locator('#panel-path > summary').click()
  await one.getByLabel('Grid size').fill('9')
  const copied = await until(() => search(one), text => text.includes('axes=z2,z1') && text.includes('grid=9') &&
    text.includes('open=path,slow') && text.includes('beside=samples'), 'the link follows')
  for (const part of ['seed=42', 'view=points', 'show=013', 'image=17', 'beta=2.5', 'epochs=7']) {
    assert.ok(copied.includes(`&${part}`), `${part} in ${copied}`)
  }

  const two = await drawn(await open(browser, copied))
  const expected = await state(one)
  await until(() => state(two), s => JSON.stringify(s) === JSON.stringify(expected), `like ${JSON.stringify(expected)}`)
  await until(() => search(two), text => text === copied, 'the same link')
  const [a, b] = [await handle(one), await handle(two)]
  assert.ok(a.every((share, side) => Math.abs(share - b[side]) < 0.01), `handles at ${a} and ${b}`)
  const digit = await pixels(one, 'digit')
  await until(() => pixels(two, 'digit'), p => difference(p, digit) <= 2, 'the same digit')
  assert.ok(two.requests.some(url => url.includes('/beta-vae/encoder')), 'points need the encoder')
  await one.close()
  await two.close()
})

test('a class and a strip of classes are in the link', async () => {
  const page = await drawn(await open(browser, '?family=conditional-vae&grid=5&class=3&beside=classes'))
  const group = page.getByRole('radiogroup', { name: 'Class' })
  await until(() => group.getByRole('radio', { name: '3', exact: true }).isChecked(), checked => checked, 'class 3')
  await page.locator('.strip-surface canvas').waitFor()
  await group.getByRole('radio', { name: '8', exact: true }).check()
  await until(() => search(page), text => text.includes('class=8&beside=classes'), 'link')
  // Another family knows nothing of it.
  await page.locator('.family select').selectOption('beta-vae')
  await until(() => search(page), text => text.includes('family=beta-vae') && !/class|beside/.test(text), 'forgotten')
  await page.close()
})

test('malformed fields fall back, each by itself', async () => {
  const bad = '?family=nobody&seed=x&grid=999&at=9,9&axes=z1,z1&held=NaN&class=77&through=1&beside=what&view=up' +
    '&show=abc&open=%3Cb%3E&image=-3&data=&second=a/b&device=abacus&beta=1e9&latent_dim=&epochs=7&nonsense&=&&'
  const page = await drawn(await open(browser, bad))
  const first = await page.locator('.family select option').first().getAttribute('value')
  await until(() => search(page), text => text === `?family=${first}&seed=1&grid=20&at=0.5000,0.5000&epochs=7`, 'what was good')
  assert.deepEqual(await handle(page), [50, 50])
  assert.equal(await page.getByRole('alert').innerText(), '', 'no alert')
  assert.equal(await page.locator('details.panel[open]').count(), 0)
  healthy(page)
  await page.close()

  const other = await drawn(await open(browser, '?family=beta-vae&grid=5&axes=z9,z99&held=0,0,1&beside=latents&image=x'))
  await until(() => search(other), text => text === '?family=beta-vae&seed=1&grid=5&at=0.5000,0.5000&held=0,0,1&beside=latents', 'the good ones')
  healthy(other)
  await other.close()
})

test('a link to own images says that they are needed', async () => {
  const page = await drawn(await open(browser, '?grid=5&data=my-digits-1a2b&at=0.2500,0.2500'))
  await page.getByRole('alert').getByText('my-digits-1a2b').waitFor()
  assert.ok(await page.locator('#panel-images[open]').isVisible(), 'where they are loaded')
  assert.deepEqual(await handle(page), [25, 75], 'the rest is as in the link')
  await page.close()
})

test('the link is copied, and the toast goes unless it is pointed at', { timeout: 90_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowRight')
  // At once: the address bar lags behind.
  await button(page, 'Copy link').click()
  await toasts(page).getByText('Link copied.').waitFor()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  assert.ok(copied.startsWith(`${PAGE_URL}/?family=`) && copied.includes('at=0.6000,0.5000'), copied)
  await until(() => page.url(), url => url === copied, 'the address bar')
  await page.mouse.move(0, 0)
  await until(() => toasts(page).innerText(), text => text === '', 'the toast goes', 9000)

  await button(page, 'Copy link').click()
  await toasts(page).locator('.toast').hover()
  await page.waitForTimeout(7000)
  assert.ok(await toasts(page).getByText('Link copied.').isVisible(), 'it stays while it is pointed at')
  await page.mouse.move(0, 0)
  await until(() => toasts(page).innerText(), text => text === '', 'then it goes', 9000)
  healthy(page)
  await page.close()
})

test('without a clipboard the link is there to be copied by hand', async () => {
  const page = await drawn(await open(browser, '?grid=5', {
    before: page => page.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined })
    }),
  }))
  await button(page, 'Copy link').click()
  const field = page.getByRole('textbox', { name: 'Link to what is on screen' })
  await field.waitFor()
  const selected = await until(() => field.evaluate(f => document.activeElement === f && f.value.slice(f.selectionStart, f.selectionEnd)),
    text => text, 'selected')
  assert.ok(selected.startsWith(`${PAGE_URL}/?family=`) && selected.includes('grid=5'), selected)
  healthy(page)
  await page.close()
})

test('what is worth trying: those of the family first, and each opens', async () => {
  const page = await drawn(await open(browser, '?family=beta-vae&grid=5'))
  const links = page.getByRole('navigation', { name: 'You could try' }).getByRole('link')
  const hrefs = await until(() => links.evaluateAll(all => all.map(a => a.getAttribute('href'))), all => all.length > 5, 'presets')
  assert.ok(hrefs[0].startsWith('?family=beta-vae&'), `${hrefs}`)
  const ids = await page.locator('.family select option').evaluateAll(all => all.map(o => o.value))
  assert.ok(hrefs.every(href => ids.includes(new URLSearchParams(href).get('family'))), 'families that there are')
  await links.and(page.locator('[href*="beta=10"]')).click()
  await drawn(page)
  await until(() => page.getByLabel('Beta', { exact: true }).inputValue(), value => value === '10', 'its setting')
  await until(() => select(page, 'Beside the digit').inputValue(), value => value === 'strip.traversals', 'its strip')
  healthy(page)
  await page.close()
})

const second = page => page.getByRole('application', { name: 'Second plane' })
const secondZ = async page => numbers(await page.getByLabel('Second z').innerText())
const colors = bytes => bytes.filter((_, index) => index % 4 !== 3)
const contrast = bytes => colors(bytes).reduce((a, b) => Math.max(a, b), 0) - colors(bytes).reduce((a, b) => Math.min(a, b), 255)

/** Waits until plane and digit of the second model are drawn; returns the digit. */
async function secondDrawn(page) {
  await page.locator('.compare-digit canvas').waitFor()
  await page.locator('.compare-stage .plane canvas').waitFor()
  await until(() => picture(page, '.compare-stage .plane canvas'), p => contrast(p) > 100, 'the second plane')
  return until(() => picture(page, '.compare-digit canvas'), p => contrast(p) > 60, 'the second digit')
}

test('a second model is drawn at the same code', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  const workers = page.workers().length
  const panel = page.locator('#panel-compare')
  await page.locator('#panel-compare > summary').click()
  await select(page, 'Second model').waitFor()
  assert.equal(page.workers().length, workers, 'no engine before it is wanted')
  await select(page, 'Second model').selectOption('autoencoder')
  let other = await secondDrawn(page)
  assert.equal(page.workers().length, workers + 1)
  assert.ok(difference(other, await pixels(page, 'digit')) > 40, 'another family draws another digit')
  await until(() => search(page), text => text.includes('open=compare&second=autoencoder'), 'link')
  const link = search(page)

  // One handle.
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowRight')
  await page.keyboard.press('Shift+ArrowUp')
  await page.keyboard.press('Shift+ArrowUp')
  await until(() => handleOf(second(page)), ([x, y]) => Math.abs(x - 60) < 0.1 && Math.abs(y - 30) < 0.1, 'the second handle follows')
  await until(() => secondZ(page), ([x, y]) => Math.abs(x - 0.25) < 0.011 && Math.abs(y - 0.52) < 0.011, 'and its code')
  assert.deepEqual(await secondZ(page), await code(page))
  other = await until(() => picture(page, '.compare-digit canvas'), p => difference(p, other) > 20, 'and its digit')
  await second(page).focus()
  await page.keyboard.press('Home')
  await until(() => handle(page), ([x, y]) => x === 50 && y === 50, 'the first follows the second')
  await until(() => code(page), ([x, y]) => x === 0 && y === 0, 'with its code')

  // With every score, what it depends on.
  for (const score of await panel.locator('.scores dd').all()) {
    await until(() => score.innerText(), text => /test .* on 10,000 images of MNIST .*, .* epochs?, seed \d+$/.test(text), 'a score')
  }
  const twice = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id)
    return ids.filter((id, index) => ids.indexOf(id) !== index)
  })
  assert.deepEqual(twice, [], 'ids are used once')
  healthy(page)
  await page.close()

  const again = await drawn(await open(browser, link))
  const digit = await secondDrawn(again)
  assert.ok(difference(digit, await pixels(again, 'digit')) > 40, 'the link opens it')
  assert.equal(await select(again, 'Second model').inputValue(), 'autoencoder')
  await again.close()
})

test('the second model may be a copy of the first, and trains by itself', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5&open=compare&at=0.3000,0.3000${TOY}`))
  await button(page, 'Copy the first as it is now').click()
  await secondDrawn(page)
  const digit = await pixels(page, 'digit')
  await until(() => picture(page, '.compare-digit canvas'), p => difference(p, digit) <= 4, 'the same digit')
  assert.ok(!search(page).includes('second='), 'no link could say this')

  await button(page, 'Train it').click()
  const second = page.getByRole('status', { name: 'State of the second' })
  await until(() => second.innerText(), text => /^Step [1-9]/.test(text), 'the second learns', 90_000)
  assert.equal(await step(page), 0, 'the first does not')
  assert.equal(difference(await pixels(page, 'digit'), digit), 0)
  await until(() => picture(page, '.compare-digit canvas'), p => difference(p, digit) > 20, 'its digit changes')
  await button(page, 'Pause it').click()
  await until(() => button(page, 'Train it').isEnabled(), enabled => enabled, 'paused')
  await button(page, 'Train both').click()
  await until(() => step(page), n => n > 0, 'both learn', 90_000)
  healthy(page)
  await page.close()
})

test('held latents and classes go with the handle where both have them', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?family=beta-vae&grid=5&held=0,0,1&open=compare&second=beta-vae'))
  await secondDrawn(page)
  await until(() => secondZ(page), z => z[2] === 1, 'what was held')
  await page.getByRole('slider', { name: 'z4', exact: true }).fill('-2')
  await until(() => secondZ(page), z => z[3] === -2, 'what is held')
  await page.close()
})

test('device, memory, speeds, and the data of every score are on screen', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5&seed=5${TOY}`))
  const speeds = page.locator('.speeds')
  await until(() => speeds.innerText(), text => /CPU \(SIMD\).*decode [\d.]+ ms.*memory [\d.]+ MB/s.test(text), 'before training')
  await button(page, 'Train').click()
  await until(() => speeds.innerText(), text => /training [1-9][\d,]* images\/s/.test(text), 'while training', 90_000)
  await until(() => page.locator('.test').innerText(),
    text => /^Test .* at step [\d,]+.*, on 10,000 images of MNIST .*, [\d.]+ epochs, seed 5\.$/.test(text), 'the test loss', 120_000)
  await button(page, 'Pause').click()
  await until(() => speeds.innerText(), text => !text.includes('images/s'), 'no speed at rest')
  healthy(page)
  await page.close()
})

test('a small screen has room for all of it', async () => {
  const page = await drawn(await open(browser, '?grid=5&open=compare&second=autoencoder', {
    context: { viewport: { width: 320, height: 700 }, isMobile: true, hasTouch: true },
  }))
  await secondDrawn(page)
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 320, `the page is ${wide} px wide`)
  for (const name of ['Copy link', 'Train it', 'Copy the first as it is now']) {
    const { height } = await button(page, name).boundingBox()
    assert.ok(height >= 44, `${name} is ${height} px high`)
  }
  await page.close()
})
