// The laboratory: its experiments on the shipped model, in a worker beside the digit that is dragged.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, code, draw, drawn, healthy, launch, open, pad, plane, until } from './browser.mjs'
import { images, labels } from './idx.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** No experiment may take longer on the CPU. */
const LONGEST = 60_000

const unfold = (page, id) => page.locator(`#panel-${id} > summary`).click()
const card = (page, id) => page.locator(`#experiment-${id}`)
const run = (page, id) => card(page, id).getByRole('button', { name: 'Run', exact: true })
const stop = (page, id) => card(page, id).getByRole('button', { name: 'Stop', exact: true })
const origin = (page, id) => card(page, id).locator('.origin')

/** The page with the laboratory open. */
async function opened(query = '?device=cpu', options) {
  const page = await drawn(await open(browser, query, options))
  await unfold(page, 'lab')
  await card(page, 'posterior').waitFor()
  return page
}

/** Runs an experiment to its end; its numbers by their keys. */
async function find(page, id) {
  await run(page, id).click()
  await origin(page, id).waitFor({ timeout: LONGEST })
  return facts(page, id)
}

async function facts(page, id) {
  const rows = await card(page, id).locator('tr[data-fact]').evaluateAll(
    rows => rows.map(row => [row.dataset.fact, row.querySelector('.value').textContent]))
  return Object.fromEntries(rows.map(([key, text]) => [key, Number(text.replaceAll('\u2212', '-').replaceAll(',', ''))]))
}

/** Seconds that an experiment says it took. */
const seconds = async (page, id) => Number((await origin(page, id).innerText()).match(/CPU, ([\d.]+) s/)[1])

test('the laboratory is fetched by those who open it, and only then', async () => {
  const page = await drawn(await open(browser, '?device=cpu'))
  const isFetched = () => page.requests.some(url => url.includes('engine_lab'))
  assert.ok(!isFetched())
  await unfold(page, 'lab')
  await card(page, 'race').waitFor()
  assert.ok(isFetched())
  healthy(page)
  await page.close()
})

test('the estimates of a likelihood stand in their order, and the encoder is too sure of itself', async () => {
  const page = await opened()
  const { elbo, iwae_100, iwae_1000, grid_200, grid_400 } = await find(page, 'marginal-likelihood')
  assert.ok(elbo <= iwae_100 && iwae_100 <= iwae_1000 && iwae_1000 <= grid_400 + 0.05, `${[elbo, iwae_100, iwae_1000, grid_400]}`)
  assert.ok(Math.abs(grid_200 - grid_400) <= 0.3, `${grid_200}, ${grid_400}`)
  assert.equal(await card(page, 'marginal-likelihood').locator('.chart-area .line').count(), 3)

  const { sigma_1, spread_1, accepted } = await find(page, 'posterior')
  assert.ok(sigma_1 > 0 && spread_1 > 0 && accepted > 0.7, `${[sigma_1, spread_1, accepted]}`)
  const heat = card(page, 'posterior').locator('.exhibit')
  assert.ok(await heat.locator('path').count() >= 100, 'samples are marked')
  assert.equal(await heat.locator('ellipse.line').count(), 2)

  const { gain, elbo_encoder, elbo_fitted } = await find(page, 'amortisation-gap')
  assert.ok(gain > 0 && Math.abs(elbo_fitted - elbo_encoder - gain) < 0.1, `${[gain, elbo_encoder, elbo_fitted]}`)
  for (const id of ['marginal-likelihood', 'posterior', 'amortisation-gap']) assert.ok(await seconds(page, id) < 60, id)
  healthy(page)
  await page.close()
})

test('a chart grows with the text, and what was unfolded stays so in the dark', async () => {
  const page = await opened()
  await find(page, 'marginal-likelihood')
  const chart = card(page, 'marginal-likelihood').locator('.chart-area')
  const seen = () => chart.evaluate(area => {
    const svg = area.querySelector('svg')
    const { a: scale } = svg.getScreenCTM()
    return { letters: 12 * scale, across: scale * svg.viewBox.baseVal.width / area.clientWidth, text: parseFloat(getComputedStyle(document.documentElement).fontSize) }
  })
  const fits = ({ letters, across, text }) => Math.abs(letters - 0.75 * text) < 0.2 && Math.abs(across - 1) < 0.01
  const small = await until(seen, fits, 'a chart as wide as its place')
  await page.setViewportSize({ width: 3840, height: 2160 })
  const large = await until(seen, seen => fits(seen) && seen.text > small.text, 'a larger one on a large screen')
  assert.ok(large.letters > 1.4 * small.letters, JSON.stringify([small, large]))

  const rest = card(page, 'marginal-likelihood').locator('details')
  await rest.locator('summary').click()
  const canvas = () => card(page, 'marginal-likelihood').locator('canvas').first()
    .evaluate(canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0])
  const light = await canvas()
  await page.emulateMedia({ colorScheme: 'dark' })
  await until(canvas, dark => dark !== light, 'a dark picture')
  assert.ok(await rest.evaluate(rest => rest.open), 'the other numbers are still there')
  healthy(page)
  await page.close()
})

test('gradients scatter as their estimators do', async () => {
  const page = await opened()
  const { a_to_b, one_to_five, score_to_b } = await find(page, 'estimators')
  assert.ok(a_to_b >= 0.95 && one_to_five > 4 && one_to_five < 6 && score_to_b >= 20, `${[a_to_b, one_to_five, score_to_b]}`)
  const bars = await card(page, 'estimators').locator('.bar').evaluateAll(bars => bars.map(bar => bar.clientWidth))
  assert.ok(bars.length >= 4 && Math.max(...bars) > 5 * Math.min(...bars), `${bars}`)
  healthy(page)
  await page.close()
})

test('half a digit is completed better than by the three baselines, and a blank page is no digit', async () => {
  const page = await opened()
  const half = await find(page, 'half-a-digit')
  const errors = Object.entries(half).filter(([key]) => key.startsWith('mse_')).map(([, error]) => error)
  assert.equal(errors.length, 4)
  assert.ok(errors[0] <= 0.055 && errors.slice(1).every(error => error > errors[0]), `${errors}`)
  const { digits, flipped, permuted, noise, blank } = await find(page, 'density')
  assert.ok(blank < digits && digits < flipped && flipped < permuted && permuted < noise, `${[blank, digits, flipped, permuted, noise]}`)
  assert.ok(await card(page, 'density').locator('.chart-area .bars path').getAttribute('d'))
  for (const id of ['half-a-digit', 'density']) assert.ok(await seconds(page, id) < 60, id)
  healthy(page)
  await page.close()
})

test('samples of two models hang side by side', async () => {
  const page = await opened()
  const found = await find(page, 'generative')
  assert.ok(found.raw_fd < found.rival_raw_fd && found.rival_fitted_fd < found.rival_raw_fd, JSON.stringify(found))
  assert.equal(await card(page, 'generative').locator('.exhibit.large canvas').count(), 4)
  assert.ok(await seconds(page, 'generative') < 60)
  healthy(page)
  await page.close()
})

test('a race is seen while it is run, and digits are dragged beside it', async () => {
  const page = await opened()
  await run(page, 'race').click()
  await card(page, 'race').locator('.chart-area .line').first().waitFor({ timeout: LONGEST })
  await plane(page).scrollIntoViewIfNeeded()
  const box = await plane(page).boundingBox()
  const waits = []
  for (let drag = 0; drag < 20; drag++) {
    const before = await code(page)
    const begun = Date.now()
    await page.mouse.click(box.x + box.width * (0.2 + 0.03 * drag), box.y + box.height * 0.4)
    await until(() => code(page), now => `${now}` !== `${before}`, 'the digit follows')
    waits.push(Date.now() - begun)
  }
  waits.sort((a, b) => a - b)
  assert.ok(waits[10] < 300, `milliseconds from click to digit, seen from outside: ${waits}`)
  await origin(page, 'race').waitFor({ timeout: LONGEST })
  const { least_lead } = await facts(page, 'race')
  assert.ok(least_lead >= 2, `${least_lead}`)
  assert.ok(await seconds(page, 'race') < 60, await origin(page, 'race').innerText())
  healthy(page)
  await page.close()
})

test('chains learn without an encoder, for more work', async () => {
  const page = await opened()
  const { bound_last, mcem_last } = await find(page, 'race-with-chains')
  assert.ok(bound_last < mcem_last && mcem_last <= 175, `${[bound_last, mcem_last]}`)
  assert.equal(await card(page, 'race-with-chains').locator('.chart-area').count(), 2, 'by images and by work')
  assert.ok(await seconds(page, 'race-with-chains') < 60)
  healthy(page)
  await page.close()
})

test('a drawing is the subject, and an experiment can be stopped', async () => {
  const page = await opened('?device=cpu&open=draw')
  await draw(page, [[[0.25, 0.2], [0.75, 0.2], [0.4, 0.85]]])
  await page.getByLabel('Subject', { exact: true }).getByText('Your drawing').waitFor()
  await find(page, 'posterior')
  assert.match(await origin(page, 'posterior').innerText(), /your drawing/)

  await run(page, 'density').click()
  assert.ok(await run(page, 'posterior').isDisabled(), 'one at a time')
  await stop(page, 'density').click()
  await page.getByRole('status', { name: 'State of the laboratory' }).getByText('was stopped').waitFor()
  await run(page, 'density').waitFor()
  assert.equal(await origin(page, 'density').count(), 0, 'nothing was found')
  await find(page, 'posterior')
  await page.getByRole('spinbutton', { name: 'Test image that is examined' }).fill('7')
  await page.keyboard.press('Enter')
  await find(page, 'posterior')
  assert.match(await origin(page, 'posterior').innerText(), /test image 7 \(class 9\)/)
  healthy(page)
  await page.close()
})

test('images of the visitor can be the subject', async () => {
  const page = await opened('?device=cpu&open=images')
  const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer })
  await page.getByLabel('Open images').setInputFiles([
    file('train-images-idx3-ubyte', images(300)), file('train-labels-idx1-ubyte', labels(300))])
  const inUse = () => page.getByRole('status', { name: 'Images in use' }).innerText()
  await until(inUse, text => text.startsWith('Own images ('), 'own images')
  const { digits, subject } = await find(page, 'density')
  assert.ok(digits > 200, `bars are no digits to this model: ${digits}`)
  assert.ok(Number.isFinite(subject))
  healthy(page)
  await page.close()
})

test('what a family cannot be examined for is said, with the reason', async () => {
  const page = await opened('?device=cpu&family=autoencoder')
  await card(page, 'posterior').getByText('Not with this model: ').waitFor()
  assert.equal(await run(page, 'posterior').count(), 0)
  assert.equal(await run(page, 'generative').count(), 1, 'it decodes codes')
  healthy(page)
  await page.close()
})

test('without a connection it says so, and tries again', async () => {
  const page = await opened()
  await page.route('**/data/mnist/**', route => route.abort())
  await run(page, 'density').click()
  await origin(page, 'density').getByText(/could not be fetched.*check the connection/).waitFor()
  await page.unroute('**/data/mnist/**')
  await find(page, 'density')
  await page.close()
})
