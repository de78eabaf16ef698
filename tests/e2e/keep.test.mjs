// Nothing lost: runs that outlive their tab, undo, storage that fails, and two tabs.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, drawn, healthy, launch, loss, open, step, until } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const PLAIN = '?device=cpu&grid=5'
const TOY = `${PLAIN}&encoder_hidden=16&decoder_hidden=16&images=2000&batch_size=20`
const LONG = `${TOY}&epochs=1000`
/** 100 steps in each of 50 epochs. */
const FINITE = `${TOY}&epochs=50&seed=5`

/** A profile of its own, whose storage outlives its pages. */
const profile = () => browser.newContext({ viewport: { width: 1280, height: 800 } })

const bar = page => page.locator('.resume')
const menu = page => page.locator('.family select')
const runs = page => page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem')
const state = page => page.getByRole('status', { name: 'Training state' }).innerText()
const openRuns = page => page.locator('#panel-runs > summary').click()
const isPaused = page => until(() => state(page), text => text.startsWith('Paused'), 'paused')

/** What the browser keeps: each run with its step and its curve's steps. */
function kept(page) {
  return page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(database => database.name)
    if (!names.includes('latent-explorer')) return []
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open('latent-explorer')
      request.onsuccess = () => resolve(request.result)
      request.onerror = reject
    })
    const runs = await new Promise((resolve, reject) => {
      const request = database.transaction('runs').objectStore('runs').getAll()
      request.onsuccess = () => resolve(request.result)
      request.onerror = reject
    })
    database.close()
    return runs.map(({ id, name, state, progress, curve }) => {
      const width = 2 + progress.losses.length
      return { id, name, state, step: progress.step, steps: [...curve].filter((_, index) => index % width === 0) }
    })
  })
}

/** The tensors of the only run that is kept, weights and optimiser: their header and a checksum of their numbers. */
function tensors(page) {
  return page.evaluate(async () => {
    const database = await new Promise(resolve => {
      const request = indexedDB.open('latent-explorer')
      request.onsuccess = () => resolve(request.result)
    })
    const [bytes] = await new Promise(resolve => {
      const request = database.transaction('bytes').objectStore('bytes').getAll()
      request.onsuccess = () => resolve(request.result)
    })
    database.close()
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    const header = JSON.parse(new TextDecoder().decode(bytes.slice(8, 8 + length)))
    const step = header.__metadata__.step
    delete header.__metadata__
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.slice(8 + length)))
    return { step, header: Object.entries(header).sort(([a], [b]) => a < b ? -1 : 1), sum: [...sum].join() }
  })
}

/** Waits for a first checkpoint. */
const isKept = (page, least = 1) =>
  until(() => kept(page), runs => runs.some(run => run.step >= least), 'a checkpoint is kept', 60_000)

/** Ends a page without a chance to say a last word. */
async function kill(page) {
  const session = await page.context().newCDPSession(page)
  const crashed = page.waitForEvent('crash')
  session.send('Page.crash').catch(() => {})
  await crashed
  await page.close()
}

test('a run goes on where its tab was lost, with its settings and its curve', { timeout: 180_000 }, async () => {
  const context = await profile()
  let page = await drawn(await open(context, `${LONG}&seed=3`))
  assert.equal(await bar(page).count(), 0, 'nothing to go on with at first')
  await button(page, 'Train').click()
  await isKept(page)
  await kill(page)

  page = await drawn(await open(context, PLAIN))
  const [{ step: at }] = await kept(page)
  await bar(page).waitFor()
  assert.match(await bar(page).innerText(), new RegExp(`stopped at step ${at.toLocaleString('en-US')}\\.`))
  const seen = []
  await bar(page).getByRole('button', { name: 'Resume', exact: true }).click()
  await until(async () => seen[seen.push(await step(page)) - 1], n => n > at + 50, 'the run goes on', 60_000)
  assert.deepEqual(seen.filter(n => n > 0 && n < at), [], `steps from ${at} on`)
  await bar(page).waitFor({ state: 'detached' })
  await until(() => page.url(), url => /seed=3/.test(url) && /encoder_hidden=16/.test(url) && /epochs=1000/.test(url), 'settings')

  await button(page, 'Pause').click()
  await isPaused(page)
  const paused = await step(page)
  const [run, ...others] = await until(() => kept(page), ([run]) => run.step === paused, 'the pause is kept')
  assert.deepEqual(others, [], 'it is the same run')
  assert.ok(run.steps[0] < 20 && run.steps.at(-1) > at, `the curve is whole: ${run.steps[0]} to ${run.steps.at(-1)}`)
  assert.ok(run.steps.every((step, index) => index === 0 || step >= run.steps[index - 1]), 'and in order')
  const next = run.steps.findIndex(step => step > at)
  assert.ok(run.steps[next] - run.steps[next - 1] < 100, `without a gap at ${at}`)
  healthy(page)

  // A paused run whose tab is closed is offered too; one that is kept for later is not offered again.
  await page.close()
  page = await drawn(await open(context, PLAIN))
  await bar(page).getByRole('button', { name: 'Keep for later' }).click()
  await bar(page).waitFor({ state: 'detached' })
  await until(() => kept(page), ([run]) => run.state === 'Left', 'its answer is kept')
  await page.reload()
  await drawn(page)
  await page.waitForTimeout(2500)
  assert.equal(await bar(page).count(), 0, 'not offered again')
  await openRuns(page)
  await runs(page).getByRole('button', { name: /^Resume/ }).click()
  await until(() => step(page), n => n > paused, 'but it goes on from the list')
  await context.close()
})

test('5,000 steps with a lost tab in between end like 5,000 without', { timeout: 900_000 }, async () => {
  const end = async page => {
    await until(() => state(page), text => text.startsWith('All epochs are done.'), 'the end', 400_000)
    const text = await until(() => page.locator('.test').innerText(), text => text.includes('at step 5,000'), 'a test result', 60_000)
    await until(() => kept(page), ([run]) => run.step === 5000 && run.state === 'Finished', 'the end is kept')
    return { text, tensors: await tensors(page) }
  }
  const first = await profile()
  const whole = await drawn(await open(first, FINITE))
  await button(whole, 'Train').click()
  const expected = await end(whole)
  await first.close()

  const second = await profile()
  let page = await drawn(await open(second, FINITE))
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 500, '500 steps', 60_000)
  await button(page, 'Pause').click()
  await isPaused(page)
  const [{ step: at }] = await isKept(page, 500)
  await button(page, 'Train').click()
  await until(() => step(page), n => n > at + 300, 'steps that are lost', 60_000)
  await kill(page)
  page = await drawn(await open(second, PLAIN))
  const [{ step: from }] = await kept(page)
  assert.ok(from < 4900, `there is something left at step ${from}`)
  await bar(page).getByRole('button', { name: 'Resume', exact: true }).click()
  assert.deepEqual(await end(page), expected)

  await page.reload()
  await drawn(page)
  await page.waitForTimeout(2500)
  assert.equal(await bar(page).count(), 0, 'a finished run is not offered')
  await openRuns(page)
  await runs(page).getByText('finished').waitFor()
  await second.close()
})

test('Undo brings back what Reset dropped, paused or running as it was', { timeout: 180_000 }, async () => {
  const context = await profile()
  const page = await drawn(await open(context, LONG))
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 60, 'sixty steps')
  await button(page, 'Pause').click()
  await isPaused(page)
  const [at, total] = [await step(page), await loss(page, 'total')]
  await button(page, 'Reset').click()
  await until(() => step(page), n => n === 0, 'the run is gone')
  await page.getByText(`The run at step ${at.toLocaleString('en-US')} was dropped.`).waitFor()
  await button(page, 'Undo').click()
  await until(() => step(page), n => n === at, 'the run is back')
  await isPaused(page)
  assert.equal(await loss(page, 'total'), total)
  await page.waitForTimeout(500)
  assert.equal(await step(page), at, 'and stands still')

  await button(page, 'Train').click()
  const later = await until(() => step(page), n => n > at + 20, 'it goes on')
  await button(page, 'Reset').click()
  await until(() => step(page), n => n === 0, 'the run is gone again')
  const seen = []
  await button(page, 'Undo').click()
  await until(async () => seen[seen.push(await step(page)) - 1], n => n > later + 20, 'it runs again')
  assert.deepEqual(seen.filter(n => n > 0 && n < later), [], 'nothing is done twice')
  await button(page, 'Pause').click()
  await isPaused(page)
  const ids = new Set((await until(() => kept(page), runs => runs.length > 0, 'kept')).map(run => run.id))
  assert.equal(ids.size, 1, 'it is one run all the time')
  healthy(page)
  await context.close()
})

const FAILURES = {
  'full storage': {
    reason: 'its storage is full',
    script: () => {
      IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError') }
    },
  },
  'no storage': {
    reason: 'it has no storage here',
    script: () => { Object.defineProperty(window, 'indexedDB', { value: undefined, configurable: true }) },
  },
}
for (const [what, { reason, script }] of Object.entries(FAILURES)) {
  test(`${what} is said once, and nothing else breaks`, { timeout: 120_000 }, async () => {
    const page = await drawn(await open(browser, LONG, { before: page => page.addInitScript(script) }))
    const alert = page.getByRole('alert')
    assert.equal(await alert.innerText(), '', 'nothing is said before there is something to keep')
    await button(page, 'Train').click()
    await alert.getByText(/keeps nothing for this page[^]*save the weights as a file instead/).waitFor({ timeout: 30_000 })
    assert.ok((await alert.innerText()).includes(reason))
    await page.getByRole('button', { name: 'Dismiss' }).click()
    const at = await step(page)
    await until(() => step(page), n => n > at + 100, 'training goes on')
    await page.waitForTimeout(6000)
    assert.equal(await alert.innerText(), '', 'it is said once')
    await openRuns(page)
    await page.locator('#panel-runs').getByText(reason).waitFor()
    await button(page, 'Pause').click()
    await isPaused(page)
    const paused = await step(page)
    await button(page, 'Reset').click()
    await until(() => step(page), n => n === 0, 'the run is gone')
    await button(page, 'Undo').click()
    await until(() => step(page), n => n === paused, 'Undo needs no storage')
    healthy(page)
    await page.close()
  })
}

test('two tabs train side by side and leave each other alone', { timeout: 180_000 }, async () => {
  const context = await profile()
  const first = await drawn(await open(context, `${LONG}&seed=1`))
  await button(first, 'Train').click()
  await isKept(first)
  const second = await drawn(await open(context, `${LONG}&seed=2`))
  await second.waitForTimeout(2500)
  assert.equal(await bar(second).count(), 0, 'a run that another tab has is not offered')
  await openRuns(second)
  await runs(second).getByText('open in another tab').waitFor()
  for (const name of [/^Resume/, /^Delete/]) {
    assert.ok(await runs(second).getByRole('button', { name }).isDisabled(), `${name} is not for this tab`)
  }

  await button(second, 'Train').click()
  const both = await until(() => kept(second), runs => runs.length === 2, 'a run each', 60_000)
  const later = await until(() => kept(second), runs => runs.length === 2 && runs.every(run =>
    run.step > both.find(({ id }) => id === run.id)?.step), 'both go on', 60_000)
  assert.deepEqual(later.map(run => /seed \d/.exec(run.name)[0]).sort(), ['seed 1', 'seed 2'])
  for (const page of [first, second]) healthy(page)

  // Where the first one is lost, the second one may have it.
  await first.close()
  await until(async () => {
    await second.evaluate(() => window.dispatchEvent(new Event('focus')))
    return runs(second).filter({ hasText: 'open in another tab' }).count()
  }, n => n === 0, 'nobody has it')
  assert.equal(await bar(second).count(), 0, 'a tab that trains is not asked')
  const mine = second.getByRole('button', { name: /^Resume .*seed 1$/ })
  const { step: at } = (await kept(second)).find(run => run.name.includes('seed 1'))
  await mine.click()
  await until(() => second.url(), url => url.includes('seed=1'), 'the other run')
  await until(() => step(second), n => n > at, 'goes on here')
  assert.equal((await kept(second)).length, 2, 'and the one before is kept')
  await context.close()
})

test('the list: names, curves, another family, deleting', { timeout: 180_000 }, async () => {
  const context = await profile()
  const page = await drawn(await open(context, `${LONG}&beta=4&seed=8`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 60, 'sixty steps')

  // Choosing another family keeps the run.
  const home = await menu(page).inputValue()
  const away = (await menu(page).locator('option').evaluateAll(all => all.map(o => o.value))).find(id => id !== home)
  await menu(page).selectOption(away)
  await openRuns(page)
  await until(() => runs(page).count(), n => n === 1, 'the run is in the list')
  const name = page.getByLabel('Name of the run')
  assert.match(await name.inputValue(), /, Beta 4, .*seed 8$/)
  assert.match(await runs(page).innerText(), /step [\d,]+, epoch [\d.]+ of 1000 · .*MNIST.* · \d+:\d\d/)
  await name.fill('My first')
  await name.press('Enter')
  await until(() => kept(page), ([run]) => run.name === 'My first', 'its name is kept')
  const [{ step: at }] = await kept(page)
  await page.getByRole('button', { name: 'Resume My first' }).click()
  await until(() => menu(page).inputValue(), id => id === home, 'its family')
  await until(() => step(page), n => n > at, 'goes on')
  await runs(page).getByText('in this tab').waitFor()

  // A new run beside it: the first one is drawn dashed.
  await button(page, 'Pause').click()
  await isPaused(page)
  await page.getByText('Settings of the next run').click()
  await page.getByLabel('Seed', { exact: true }).fill('9')
  await page.getByLabel('Seed', { exact: true }).press('Enter')
  await button(page, 'Train').click()
  await until(() => runs(page).count(), n => n === 2, 'a second run', 60_000)
  const first = runs(page).filter({ has: page.getByRole('button', { name: 'Resume My first' }) })
  const lines = page.locator('.chart-area .line')
  const before = await lines.count()
  await first.getByLabel('Show its curve').check()
  await page.locator('.legend .past').getByText('My first').waitFor()
  assert.equal(await lines.count(), before + 1)
  const dashed = page.locator('.chart-area .line.past')
  assert.notEqual(await dashed.evaluate(line => getComputedStyle(line).strokeDasharray), 'none')
  assert.ok((await dashed.locator('path').first().getAttribute('d')).split('L').length > 10, 'a curve of many points')
  const own = runs(page).filter({ hasText: 'in this tab' })
  assert.ok(await own.getByRole('button', { name: /^Delete/ }).isDisabled(), 'what is being trained is not deleted')

  await first.getByRole('button', { name: 'Delete My first' }).click()
  await page.waitForTimeout(300)
  assert.equal((await kept(page)).length, 2, 'one press deletes nothing')
  await first.getByRole('button', { name: 'Press again to delete My first' }).click()
  await until(() => runs(page).count(), n => n === 1, 'deleted')
  await until(() => kept(page), runs => runs.length === 1, 'also from storage')
  assert.equal(await page.locator('.legend .past').count(), 0)

  await page.setViewportSize({ width: 320, height: 700 })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 320, `the page is ${wide} px wide`)
  healthy(page)
  await context.close()
})
