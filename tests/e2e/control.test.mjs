// What is done to a run: settings that follow it, a step in slow motion, and the plane's past.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { button, drawn, healthy, launch, loss, open, step, until } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** Small enough for a step in no time. */
const IMAGES = 2000
const TOY = `&encoder_hidden=32&decoder_hidden=32&images=${IMAGES}&batch_size=32&epochs=1000`

const field = (page, name) => page.getByRole('textbox', { name, exact: true })
const slider = (page, name) => page.getByRole('slider', { name, exact: true })
const panel = (page, id) => page.locator(`#panel-${id}`)
const state = page => page.getByRole('status', { name: 'Training state' })

async function enter(page, name, text) {
  await field(page, name).fill(text)
  await field(page, name).press('Enter')
}

async function pause(page) {
  await button(page, 'Pause').click()
  await until(() => button(page, 'Train').isEnabled(), enabled => enabled, 'paused')
}

/** Step and epoch as shown at one moment. */
const place = page => page.locator('.counters').evaluate(counters => {
  const text = label => [...counters.querySelectorAll('div')].find(div => div.querySelector('dt').innerText === label).querySelector('dd').innerText
  return { step: Number(text('Step').replaceAll(',', '')), epoch: parseFloat(text('Epoch')) }
})

/** Steps that only ever go on, and the images that each of them sees. */
async function batchOf(page, what) {
  const from = await place(page)
  let last = from
  const to = await until(() => place(page), now => {
    assert.ok(now.step >= last.step && now.epoch >= last.epoch, `${what}: from ${JSON.stringify(last)} to ${JSON.stringify(now)}`)
    last = now
    return now.step >= from.step + 130
  }, what, 60_000)
  return (to.epoch - from.epoch) * IMAGES / (to.step - from.step)
}

test('batch size and learning rate follow while training', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 10, 'ten steps')
  const near = (found, expected) => assert.ok(Math.abs(found / expected - 1) < 0.12, `batches of ${found}, not ${expected}`)
  near(await batchOf(page, 'as it began'), 32)

  let before = await step(page)
  await enter(page, 'Batch size', '64')
  await until(() => step(page), n => n > before + 10, 'a few more')
  near(await batchOf(page, 'with larger batches'), 64)
  await slider(page, 'Batch size slider').fill('80')
  assert.equal(await field(page, 'Batch size').inputValue(), '16', 'the slider multiplies: 1024 ^ 0.4')
  before = await step(page)
  await until(() => step(page), n => n > before + 10, 'a few more')
  near(await batchOf(page, 'with smaller batches'), 16)

  before = await step(page)
  await enter(page, 'Learning rate', '0.0005')
  await batchOf(page, 'with another learning rate')
  assert.ok(await step(page) > before, 'the count goes on')
  await until(() => page.url(), url => url.includes('batch_size=16') && url.includes('learning_rate=0.0005'), 'link')
  await enter(page, 'Batch size', '0')
  await page.getByText('Not used: it takes a whole number from 1 to 1024.').waitFor()
  assert.equal(await page.getByRole('alert').innerText(), '', 'no alert')
  healthy(page)
  await page.close()
})

test('a paused run says what Train will do, and does it', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 20, 'twenty steps')
  await pause(page)
  const paused = await step(page)
  const says = what => until(() => state(page).innerText(), text => what.test(text), `${what}`)
  await says(/Train goes on/)
  await enter(page, 'Learning rate', '0.002')
  await enter(page, 'Batch size', '48')
  await says(/Train goes on/)
  await page.getByText('Settings of the next run', { exact: true }).click()
  const epochs = page.getByLabel('Epochs', { exact: true })
  await epochs.fill('999')
  await epochs.press('Enter')
  await says(/fresh run/)
  await epochs.fill('1000')
  await epochs.press('Enter')
  await says(/Train goes on/)
  await page.getByLabel('Seed', { exact: true }).fill('5')
  await page.getByLabel('Seed', { exact: true }).press('Enter')
  await says(/fresh run/)
  await page.getByLabel('Seed', { exact: true }).fill('1')
  await page.getByLabel('Seed', { exact: true }).press('Enter')
  await says(/Train goes on/)
  await button(page, 'Step').click()
  await until(() => step(page), n => n === paused + 1, 'it went on')
  await epochs.fill('999')
  await epochs.press('Enter')
  await says(/fresh run/)
  await button(page, 'Step').click()
  await until(() => step(page), n => n === 1, 'it began anew')
  await says(/Train goes on/)
  healthy(page)
  await page.close()
})

/** A number as shown: `−0.312`, `1,204` or `3.2 × 10⁻⁵`. */
function read(text) {
  const raised = '⁰¹²³⁴⁵⁶⁷⁸⁹'
  const plain = text.trim().replaceAll('\u2212', '-').replaceAll(',', '')
  const [, mantissa, exponent] = /^([+-]?[\d.]+)(?: × 10(⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?$/.exec(plain) ?? assert.fail(`not a number: ${text}`)
  const power = [...exponent ?? ''].map(sign => sign === '⁻' ? '-' : raised.indexOf(sign)).join('')
  return Number(mantissa) * 10 ** Number(power)
}

/** Half a unit in the last place of a number as shown. */
const rounding = text => 0.5 * 10 ** -(text.split('.')[1]?.length ?? 0)

const slowly = page => panel(page, 'slow').getByRole('button', { name: 'Do one step slowly' })
const stageNow = page => panel(page, 'slow').locator('.slow-bar output').innerText()

const STAGES = ['Batch', 'Encode', 'Sample', 'Decode', 'Loss', 'Gradient', 'Update']

async function showsStage(page, number) {
  await until(() => stageNow(page), text => text === `Stage ${number} of 7`, `stage ${number}`)
  const body = panel(page, 'slow').locator('.stage-body')
  await until(() => body.evaluateAll(all => all.map(one => one.dataset.stage).join()), open => open === String(number), 'one stage is open')
  assert.doesNotMatch(await body.innerText(), /NaN|\binf\b/, `stage ${number}`)
  return body
}

const rows = body => body.locator('tbody tr').evaluateAll(all => all.map(row => [...row.querySelectorAll('td.number')].map(cell => cell.innerText)))

/** Whether something is drawn on every canvas. */
const areDrawn = body => body.locator('canvas').evaluateAll(all => all.length > 0 && all.every(canvas => {
  const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
  return bytes.some((byte, index) => byte !== bytes[index % 4])
}))

test('a step in slow motion: seven stages, all of it true', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`, { context: { reducedMotion: 'reduce' } }))
  await panel(page, 'slow').locator('summary').click()
  await slowly(page).click()
  const facts = panel(page, 'slow').locator('.slow-facts')
  await until(() => facts.count(), n => n === 1, 'a step was done', 60_000)
  assert.equal(await step(page), 1, 'it began a run')
  assert.equal(await facts.innerText(), 'Step 1 · learning rate 0.001 · batch of 32')
  await until(() => slowly(page).getAttribute('aria-disabled'), disabled => disabled === 'false', 'ready for another')
  await slowly(page).click()
  await until(() => facts.innerText(), text => text.startsWith('Step 2 '), 'another')
  await until(() => step(page), n => n === 2, 'one step, no more')
  await page.waitForTimeout(3000)
  assert.equal(await stageNow(page), 'Stage 1 of 7', 'nothing moves by itself for those who prefer it so')
  assert.equal(await step(page), 2)

  const next = panel(page, 'slow').getByRole('button', { name: 'Next', exact: true })
  let body = await showsStage(page, 1)
  await until(() => areDrawn(body), drawn => drawn, 'the images of the batch')
  assert.equal(await body.locator('canvas').first().evaluate(canvas => canvas.width), 8 * 28, 'eight of them')

  await next.click()
  body = await showsStage(page, 2)
  const encoded = await rows(body)
  assert.equal(encoded.length, 16, 'two numbers for each of eight images')
  for (const [mu, sigma] of encoded) {
    assert.ok(Number.isFinite(read(mu)) && read(sigma) > 0, `${mu} and ${sigma}`)
    assert.ok(mu.replace(/\D/g, '').length <= 4, `${mu} has few digits`)
  }

  await next.click()
  body = await showsStage(page, 3)
  const drawnCodes = await rows(body)
  assert.equal(drawnCodes.length, 16)
  drawnCodes.forEach(([z, mu, sigma, eps], index) => {
    assert.deepEqual([mu, sigma], encoded[index], 'the same clouds')
    const [zs, mus, sigmas, epss] = [z, mu, sigma, eps].map(read)
    const slack = rounding(z) + rounding(mu) + rounding(sigma) * Math.abs(epss) + rounding(eps) * sigmas + 1e-6
    assert.ok(Math.abs(zs - mus - sigmas * epss) <= slack, `${z} = ${mu} + ${sigma} x ${eps}`)
  })
  assert.ok(new Set(drawnCodes.map(row => row[3])).size > 12, 'the noise differs')

  await next.click()
  body = await showsStage(page, 4)
  assert.equal(await body.locator('canvas').count(), 2, 'targets and what was decoded')
  await until(() => areDrawn(body), drawn => drawn, 'the images')

  await next.click()
  body = await showsStage(page, 5)
  const terms = await body.locator('[data-term]').evaluateAll(all => all.map(term => [term.dataset.term, term.querySelector('output').innerText]))
  assert.ok(terms.length >= 3, `${terms}`)
  assert.equal(Number(terms[0][1]), await loss(page, 'total'), 'the loss of the step')
  assert.ok((await body.innerText()).includes('nats'), 'with its unit')

  await next.click()
  body = await showsStage(page, 6)
  const gradients = await body.locator('.bars output').allInnerTexts()
  assert.ok(gradients.length >= 4, 'a bar for each tensor')
  assert.ok(gradients.map(read).every(size => size >= 0) && gradients.map(read).some(size => size > 0), `${gradients}`)
  const widths = await body.locator('.bar i').evaluateAll(all => all.map(bar => parseFloat(bar.style.width)))
  const largest = gradients.map(read).indexOf(Math.max(...gradients.map(read)))
  assert.equal(widths[largest], Math.max(...widths), 'the largest has the longest bar')

  await next.click()
  body = await showsStage(page, 7)
  const changes = (await body.locator('.bars output').allInnerTexts()).filter(text => text !== '\u2013')
  assert.ok(changes.map(read).some(share => share > 0), 'weights changed')
  const totals = await body.locator('[data-term="total"] output').innerText()
  const [, was, is] = /^([\d.]+) → ([\d.]+) \(/.exec(totals) ?? assert.fail(totals)
  assert.equal(was, terms[0][1], 'from the loss of stage 5')
  assert.notEqual(totals.slice(-6), '0.000)', `${totals}: a step changes the loss`)
  assert.ok(Math.abs(is - was) < 0.5 * was, totals)
  assert.ok(await body.locator('canvas').count() >= 1, 'what is decoded after the step')

  await next.press('Enter')
  assert.equal(await stageNow(page), 'Stage 7 of 7', 'there is no eighth')
  await page.keyboard.press('ArrowLeft')
  await showsStage(page, 6)
  await page.keyboard.press('ArrowRight')
  await showsStage(page, 7)
  await panel(page, 'slow').getByRole('button', { name: '3 Sample' }).click()
  await showsStage(page, 3)
  await panel(page, 'slow').getByRole('button', { name: 'Previous', exact: true }).click()
  await showsStage(page, 2)
  assert.equal(await step(page), 2, 'looking is no training')
  healthy(page)
  await page.close()
})

test('the stages play by themselves and stop', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`, { context: { reducedMotion: 'no-preference' } }))
  await panel(page, 'slow').locator('summary').click()
  await slowly(page).click()
  await showsStage(page, 2)
  await panel(page, 'slow').getByRole('button', { name: 'Stop the stages' }).click()
  const stage = await stageNow(page)
  await page.waitForTimeout(3000)
  assert.equal(await stageNow(page), stage)
  await panel(page, 'slow').getByRole('button', { name: 'Play the stages' }).click()
  await until(() => stageNow(page), text => text !== stage, 'it goes on', 5000)
  healthy(page)
  await page.close()
})

test('a model that is computed skips what it does not do', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?family=pca&grid=5&images=2000', { context: { reducedMotion: 'reduce' } }))
  await panel(page, 'slow').locator('summary').click()
  await slowly(page).click()
  for (const [name, number] of [['3 Sample', 3], ['6 Gradient', 6]]) {
    await panel(page, 'slow').getByRole('button', { name }).click({ timeout: 60_000 })
    assert.match(await (await showsStage(page, number)).innerText(), /^Skipped: /)
  }
  healthy(page)
  await page.close()
})

test('slow motion fits the smallest screen', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`, {
    context: { viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' },
  }))
  await panel(page, 'slow').locator('summary').click()
  await slowly(page).click()
  for (let number = 1; number <= 7; number++) {
    await showsStage(page, number)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= 320, `stage ${number} is ${wide} px wide`)
    await panel(page, 'slow').getByRole('button', { name: 'Next', exact: true }).press('Enter')
  }
  await page.close()
})

/** A canvas as 280 x 280 reds. */
const reds = (page, selector) => page.evaluate(selector => {
  const canvas = document.querySelector(selector)
  const context = new OffscreenCanvas(280, 280).getContext('2d')
  context.drawImage(canvas, 0, 0, 280, 280)
  return [...context.getImageData(0, 0, 280, 280).data].filter((_, index) => index % 4 === 0)
}, selector)

/** Mean difference between the pixels of two pictures. */
const apart = (a, b) => a.reduce((sum, value, index) => sum + Math.abs(value - b[index]), 0) / a.length

const PRESENT = '.plane-surface canvas'
const PAST = '.past canvas'

for (const colorScheme of ['light', 'dark']) {
  test(`the plane's past, ${colorScheme}`, { timeout: 240_000 }, async () => {
    const page = await drawn(await open(browser, `?grid=10${TOY}`, { context: { colorScheme } }))
    const lapse = panel(page, 'lapse')
    await lapse.locator('summary').click()
    await lapse.getByText('Nothing to see yet').waitFor()
    await button(page, 'Train').click()
    const moment = lapse.getByRole('slider', { name: 'Moment' })
    await until(async () => await moment.count() && Number(await moment.getAttribute('max')), max => max >= 6, 'a history', 60_000)
    await pause(page)
    // The last drawing settles.
    await page.waitForTimeout(800)
    const steps = []
    const last = Number(await moment.getAttribute('max'))
    let early
    for (const index of [0, Math.floor(last / 2), last]) {
      await moment.fill(String(index))
      const badge = await until(() => page.locator('.past-badge').innerText(), text => text.startsWith('As it was at step '), 'badge')
      assert.equal(await lapse.locator('output').innerText(), badge.replace('As it was at s', 'S'))
      steps.push(Number(badge.replace(/\D/g, '')))
      if (index === 0) early = await reds(page, PAST)
    }
    assert.ok(steps[0] < steps[1] && steps[1] < steps[2] && steps[2] <= await step(page), `${steps}`)
    // The last frame is nearly the present, the first is not.
    const [present, late] = [await reds(page, PRESENT), await reds(page, PAST)]
    assert.ok(apart(early, present) > 4, `the first frame is ${apart(early, present)} from the present`)
    assert.ok(apart(late, present) < apart(early, present) / 2, `the last is ${apart(late, present)} away`)

    // It hides nothing from the hand.
    await page.locator('.plane').scrollIntoViewIfNeeded()
    const box = await page.locator('.plane').boundingBox()
    await page.mouse.click(box.x + box.width * 0.75, box.y + box.height * 0.5)
    await until(() => page.locator('.handle').evaluate(h => parseFloat(h.style.left)), x => Math.abs(x - 75) < 1, 'the handle moves')

    await button(page, 'Back to now').click()
    await page.locator('.past').waitFor({ state: 'detached' })
    assert.match(await lapse.locator('output').innerText(), /^Now: step /)
    await moment.fill('0')
    await page.locator('.past').waitFor()
    await lapse.locator('summary').click()
    await page.locator('.past').waitFor({ state: 'detached' })
    await lapse.locator('summary').click()

    await lapse.getByRole('button', { name: 'Play the time-lapse' }).click()
    await page.locator('.past').waitFor()
    const first = await page.locator('.past-badge').innerText()
    await until(() => page.locator('.past-badge').innerText(), text => text !== first, 'it plays')
    await page.locator('.past').waitFor({ state: 'detached', timeout: 15_000 })
    await lapse.getByRole('button', { name: 'Play the time-lapse' }).waitFor()

    // A fresh run has a past of its own, another family none.
    await button(page, 'Reset').click()
    await button(page, 'Step').click()
    await until(() => step(page), n => n === 1, 'a fresh run')
    await until(async () => Number(await moment.getAttribute('max')), max => max < last, 'a fresh history')
    await page.locator('.family select').selectOption('beta-vae')
    await lapse.getByText('Nothing to see yet').waitFor()
    healthy(page)
    await page.close()
  })
}

test('the past is saved as a GIF', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  await panel(page, 'lapse').locator('summary').click()
  await button(page, 'Train').click()
  const moment = panel(page, 'lapse').getByRole('slider', { name: 'Moment' })
  await until(async () => await moment.count() && Number(await moment.getAttribute('max')), max => max >= 4, 'a history', 60_000)
  await pause(page)
  const download = page.waitForEvent('download', { timeout: 60_000 })
  await button(page, 'Save as GIF').click()
  const file = await download
  assert.equal(file.suggestedFilename(), 'time-lapse.gif')
  const bytes = await readFile(await file.path())
  assert.equal(bytes.subarray(0, 6).toString('latin1'), 'GIF89a')
  assert.deepEqual([bytes.readUInt16LE(6), bytes.readUInt16LE(8)], [280, 280])
  const frames = bytes.toString('latin1').split('\x21\xf9\x04').length - 1
  assert.ok(frames >= 5, `${frames} frames`)
  await until(() => button(page, 'Save as GIF').isEnabled(), enabled => enabled, 'ready for another')
  healthy(page)
  await page.close()
})
