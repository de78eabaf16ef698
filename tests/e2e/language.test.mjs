// The page in other languages than English.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { button, code, drawn, healthy, launch, open, plane, step, until } from './browser.mjs'

const words = async name => JSON.parse(await readFile(new URL(`../../www/text/${name}.json`, import.meta.url), 'utf8'))
const [english, german, engine] = await Promise.all(['en', 'de', 'de.engine'].map(words))

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const GERMAN = { context: { locale: 'de-DE' } }
const menu = page => page.locator('select.language')

/** All that can be read or heard: texts, names and titles. */
const said = page => page.evaluate(() => {
  const found = new Set()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) found.add(walker.currentNode.data.trim())
  for (const name of ['aria-label', 'title', 'placeholder', 'aria-valuetext']) {
    for (const element of document.querySelectorAll(`[${name}]`)) found.add(element.getAttribute(name).trim())
  }
  return [...found]
})

test('whose browser speaks German reads German, everywhere', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5', GERMAN))
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'de')
  assert.equal(await page.title(), german['page.title'])
  assert.equal(await page.locator('h1').innerText(), german['app.title'])
  await page.evaluate(() => document.querySelectorAll('details').forEach(details => { details.open = true }))
  await page.locator('#experiment-race').waitFor({ timeout: 30_000 })
  await page.locator('#experiment-half-a-digit button').first().click()
  await page.locator('#experiment-half-a-digit .origin').waitFor({ timeout: 60_000 })
  await button(page, german['training.step']).click()
  await until(() => page.locator('.counters output').innerText(), steps => steps === '1', 'a step', 60_000)
  await page.getByRole('application', { name: german['plane.plane'] }).focus()
  await page.keyboard.press('ArrowRight')
  await page.locator('.mistakes li').first().waitFor()
  await button(page, german['measure.measure']).click()
  await page.locator('tr[data-measure]').first().waitFor({ timeout: 60_000 })

  const foreign = new Set()
  for (const [key, text] of Object.entries(english)) if (text !== german[key] && text.length > 2) foreign.add(text)
  for (const [sentence, text] of Object.entries(engine)) if (sentence !== text && sentence.length > 2) foreign.add(sentence)
  // What both languages have in common is no English.
  for (const text of [...Object.values(german), ...Object.values(engine)]) foreign.delete(text)
  assert.deepEqual((await said(page)).filter(text => foreign.has(text)), [])
  assert.match(await page.getByLabel(german['digit.z']).innerText(), /^\u2212?\d,\d\d; \u2212?\d,\d\d$/, 'numbers as Germans write them')
  healthy(page)
  await page.close()
})

test('the menu changes the language and nothing else, and is remembered', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5'))
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
  await plane(page).focus()
  const url = await until(() => page.url(), url => url.includes('at='), 'a link')
  await page.keyboard.press('Shift+ArrowRight')
  await until(() => page.url(), now => now !== url, 'a link to the place')
  const before = await code(page)
  assert.deepEqual(await menu(page).locator('option').allInnerTexts(), ['English', 'Deutsch'])
  await Promise.all([page.waitForEvent('load'), menu(page).selectOption('Deutsch')])
  await drawn(page)
  assert.equal(await page.locator('h1').innerText(), german['app.title'])
  const now = (await page.getByLabel(german['digit.z']).innerText()).replaceAll('\u2212', '-').replaceAll(',', '.').split('; ').map(Number)
  assert.deepEqual(now, before, 'the handle is where it was')
  assert.ok(!page.url().includes('lang='), 'a link is of no language')
  await page.reload()
  await drawn(page)
  assert.equal(await menu(page).inputValue(), 'de')
  await Promise.all([page.waitForEvent('load'), menu(page).selectOption('English')])
  await drawn(page)
  assert.equal(await page.locator('h1').innerText(), english['app.title'])
  healthy(page)
  await page.close()
})

test('a link may choose a language', async () => {
  const page = await drawn(await open(browser, '?lang=de&device=cpu&grid=5'))
  assert.equal(await page.locator('h1').innerText(), german['app.title'])
  assert.match(page.url(), /device=cpu/)
  await page.close()
})

test('a run goes on in another language', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5'))
  await button(page, 'Train').click()
  await until(() => step(page), n => n > 10, 'steps', 60_000)
  await button(page, 'Pause').click()
  await page.getByRole('status', { name: 'Training state' }).getByText('Paused').waitFor()
  const done = await step(page)
  await page.waitForTimeout(1000)
  await Promise.all([page.waitForEvent('load'), menu(page).selectOption('Deutsch')])
  await drawn(page)
  await button(page, german['runs.resume']).click()
  await until(() => page.getByLabel(german['training.step'], { exact: true }).and(page.locator('output')).innerText(), text => Number(text.replaceAll('.', '')) >= done, 'the same run')
  await page.close()
})
