// Whether everybody can use the page: as far as rules can tell, axe-core in both themes, on wide and narrow screens, at rest
// and with everything open; by keyboard alone; and with a screen reader that is not talked to without end.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, drawn, launch, open, plane, step, until, violations } from './browser.mjs'

/** Small enough for a step in no time. */
const TOY = '&encoder_hidden=32&decoder_hidden=32&images=2000&batch_size=32&epochs=1000'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

for (const [colorScheme, width] of [['light', 390], ['dark', 1280]]) {
  test(`nothing is to object to, ${colorScheme}, ${width} pixels wide`, { timeout: 180_000 }, async () => {
    const page = await drawn(await open(browser, '?device=cpu&grid=5', { context: { viewport: { width, height: 800 }, colorScheme } }))
    assert.deepEqual(await violations(page), [], 'at rest')
    await page.evaluate(() => document.querySelectorAll('.panel').forEach(panel => { panel.open = true }))
    await page.locator('#experiment-race').waitFor({ timeout: 30_000 })
    for (const id of ['posterior', 'half-a-digit', 'density']) {
      await page.locator(`#experiment-${id}`).getByRole('button', { name: 'Run' }).click()
      await page.locator(`#experiment-${id} .origin`).waitFor({ timeout: 60_000 })
    }
    await page.getByRole('button', { name: 'Measure', exact: true }).click()
    await page.locator('tr[data-measure]').first().waitFor({ timeout: 60_000 })
    assert.deepEqual(await violations(page), [], 'with everything open')
    await page.close()
  })
}

test('a button that its own press takes away keeps the focus: steps and training by keyboard alone', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, `?device=cpu&grid=5${TOY}`))
  const focused = () => page.evaluate(() => `${document.activeElement.localName} ${document.activeElement.textContent}`)
  const enabled = name => until(() => button(page, name).isEnabled(), is => is, `${name} can be pressed`)
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key)
  }

  await button(page, 'Step').focus()
  for (const count of [1, 2, 3]) {
    await enabled('Step')
    await press('Enter')
    await until(() => step(page), n => n === count, `step ${count}`, 90_000)
    assert.equal(await focused(), 'button Step')
  }
  await enabled('Step')

  // There is nothing to pause, and a press changes nothing.
  await press('Shift+Tab')
  assert.equal(await focused(), 'button Pause')
  assert.ok(await button(page, 'Pause').isDisabled())
  await press('Enter', 'Space')
  await page.waitForTimeout(300)
  assert.equal(await step(page), 3)
  assert.ok(await button(page, 'Train').isEnabled())

  await press('Shift+Tab', 'Enter')
  await until(() => step(page), n => n > 3, 'it trains')
  assert.ok(await button(page, 'Train').isDisabled())
  assert.equal(await focused(), 'button Train')
  await press('Tab', 'Enter')
  await enabled('Train')
  assert.equal(await focused(), 'button Pause')
  await press('Shift+Tab')
  assert.equal(await focused(), 'button Train')
  await press('Tab', 'Tab', 'Tab', 'Enter')
  await until(() => button(page, 'Reset').isDisabled(), is => is, 'no run any more')
  assert.equal(await focused(), 'button Reset')

  // A button that vanishes by its press leaves the focus to the plane, or to the panel that it was in.
  const undo = button(page, 'Undo')
  for (let count = 0; count < 12 && !await undo.evaluate(undo => undo === document.activeElement); count++) await press('Shift+Tab')
  await press('Enter')
  await until(() => undo.count(), n => n === 0, 'it is undone')
  await until(() => page.evaluate(() => document.activeElement.className), name => name.startsWith('plane'), 'the plane has the focus')
  assert.deepEqual(page.problems, [])
  await page.close()
})

test('what changes by itself while a model learns is not read out', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, `?device=cpu&grid=5&open=compare,draw,lapse&image=7&second=autoencoder${TOY}`))
  await page.locator('.seen-loss output').waitFor({ timeout: 60_000 })
  await page.locator('.compare-digit canvas').waitFor({ timeout: 60_000 })
  await plane(page).focus()
  await page.keyboard.press('ArrowRight')
  await button(page, 'Train both').click()
  const second = page.locator('.compare-state')
  await until(() => second.innerText(), text => /^Step [1-9]/.test(text), 'the second learns', 90_000)
  await until(() => step(page), n => n > 0, 'the first learns', 90_000)
  await page.locator('.lapse output').waitFor()

  await page.evaluate(() => {
    const heard = globalThis.heard = []
    new MutationObserver(changes => {
      for (const { target } of changes) {
        const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement
        const region = element?.closest('[aria-live], output, [role=status], [role=alert]')
        if (region) heard.push([`${region.localName}.${region.className} ${region.ariaLabel ?? ''}`, region.ariaLive, region.textContent])
      }
    }).observe(document.body, { childList: true, characterData: true, subtree: true })
  })
  // The handle moves meanwhile, and its numbers with it.
  await plane(page).focus()
  for (let count = 0; count < 8; count++) {
    await page.keyboard.press('ArrowUp')
    await page.waitForTimeout(250)
  }
  const expected = ['output. Step', 'output. Code z', 'p.compare-state ']
  const heard = await until(() => page.evaluate(() => globalThis.heard),
    heard => expected.every(name => heard.some(([changed]) => changed.startsWith(name))), 'all of it changes')
  const isState = ([name]) => name.startsWith('p.state ')
  assert.ok(heard.filter(isState).length <= 1, 'what the state is, is said once')
  // Once the page is at rest, its foot says whether it works without a network.
  const isFoot = ([name]) => name.endsWith('Use without a network')
  assert.ok(heard.filter(isFoot).length <= 1)
  assert.deepEqual(heard.filter(change => change[1] !== 'off' && !isState(change) && !isFoot(change)), [])
  await page.close()
})

test('what is refused is said where it is seen', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5&open=files', {
    context: { viewport: { width: 390, height: 700 }, isMobile: true, hasTouch: true },
  }))
  await page.locator('#panel-files input[type=file]').setInputFiles({ name: 'no.safetensors', mimeType: 'text/plain', buffer: Buffer.from('nothing') })
  const alert = page.locator('.alert-place')
  await until(() => alert.innerText(), text => text.length > 0, 'a refusal')
  await page.locator('#panel-files').scrollIntoViewIfNeeded()
  await page.evaluate(() => document.querySelector('#panel-files').scrollIntoView({ block: 'center' }))
  const seen = await alert.evaluate(alert => {
    const { top, bottom } = alert.getBoundingClientRect()
    return { top, bottom, scrolled: scrollY, isOnTop: alert.contains(document.elementFromPoint(innerWidth / 2, (top + bottom) / 2)) }
  })
  assert.ok(seen.scrolled > 700 && seen.top >= 0 && seen.bottom <= 700 && seen.isOnTop, JSON.stringify(seen))

  const seed = page.getByLabel('Seed', { exact: true })
  await page.getByText('Settings of the next run').click()
  await seed.fill('99999999999')
  await seed.press('Enter')
  await page.getByText('The seed is a whole number').waitFor()
  assert.equal(await seed.inputValue(), '1')
  await page.close()
})

test('that something has been measured is said', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5'))
  const said = page.getByRole('status', { name: 'Measuring' })
  assert.equal(await said.textContent(), '')
  await button(page, 'Measure').click()
  await until(() => said.textContent(), text => text === 'Measured.', 'the end', 60_000)
  await page.close()
})
