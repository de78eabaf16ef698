// The tour: who is invited, what it shows, and that it can be taken by keyboard alone.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, code, drawn, healthy, launch, open, plane, until, violations } from './browser.mjs'

/** What the steps are about, in order. */
const STEPS = ['.plane', '.digit', '.training .buttons .primary', '.family', '.panels', '.copy-link button']

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const visit = (context = {}, before) => open(browser, '?device=cpu&grid=5', { firstVisit: true, context, before })
const invitation = page => page.getByRole('complementary', { name: 'Tour of the page' })
const words = page => page.getByRole('dialog')
const fetched = page => page.requests.filter(url => /driver|tour\.css/.test(url))

/** The class of what has the focus, and whether it is in the dialog or in what that is about. */
const focus = page => page.evaluate(() => {
  const { activeElement } = document
  return { className: activeElement.className, isInside: activeElement.closest('[role=dialog], .driver-active-element') !== null }
})

/** Goes on with Tab until something has the focus, and asserts that it stays in the step on the way. */
async function tabTo(page, selector, keys = 'Tab') {
  for (let count = 0; count < 20; count++) {
    await page.keyboard.press(keys)
    assert.ok((await focus(page)).isInside, 'the focus stays in the step')
    if (await page.evaluate(selector => document.activeElement.matches(selector), selector)) return
  }
  assert.fail(`${selector} is not reached by ${keys}`)
}

/** Waits for a step, and asserts that what it is about can be seen, that its words are on the screen, and that they have the
 *  focus, or something else has. */
async function onStep(page, number, focused = '[role=dialog] *') {
  await words(page).getByText(`${number} of ${STEPS.length}`, { exact: true }).waitFor()
  const read = () => page.evaluate(([selector, focused]) => {
    const [shown, ...others] = document.querySelectorAll('.driver-active-element')
    const [target, box] = [shown, document.querySelector('[role=dialog]')].map(element => element?.getBoundingClientRect())
    const isOnScreen = ({ left, top, right, bottom }) => left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight
    const [x, y] = [target.left + target.width / 2, target.top + Math.min(target.height, innerHeight) / 2]
    return {
      isIt: shown === document.querySelector(selector) && others.length === 0,
      isAtTop: shown.contains(document.elementFromPoint(x, y)),
      isTheWholePageOnScreen: document.documentElement.scrollWidth <= innerWidth,
      areItsWordsOnScreen: isOnScreen(box),
      hasItFocus: document.activeElement.matches(focused),
      areAriaOfDriverGone: !shown.hasAttribute('aria-expanded'),
    }
  }, [STEPS[number - 1], focused])
  await until(read, found => Object.values(found).every(Boolean), `step ${number}`, 5000)
}

test('a first visit is invited when the digit is there, and nothing is in its way', { timeout: 60_000 }, async () => {
  const page = await visit({}, page => page.addInitScript(() => {
    globalThis.shifts = []
    new PerformanceObserver(list => shifts.push(...list.getEntries())).observe({ type: 'layout-shift' })
    globalThis.came = {}
    const look = () => {
      for (const selector of ['.digit-surface canvas', '.tour']) {
        if (document.querySelector(selector)) came[selector] ??= performance.now()
      }
    }
    new MutationObserver(look).observe(document, { childList: true, subtree: true })
  }))
  await drawn(page)
  await invitation(page).waitFor()
  const [came, shifts] = await page.evaluate(() => [came, shifts.filter(({ startTime }) => startTime >= came['.tour'])])
  assert.ok(came['.tour'] - came['.digit-surface canvas'] > 1400, 'not at once')
  assert.deepEqual(shifts, [], 'nothing moves')
  assert.equal((await focus(page)).className, '', 'the focus is where it was')
  const before = await code(page)
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowRight')
  await until(() => code(page), now => `${now}` !== `${before}`, 'the digit follows')

  await button(page, 'Not now').focus()
  await page.keyboard.press('Enter')
  await invitation(page).waitFor({ state: 'detached' })
  assert.match((await focus(page)).className, /^plane/, 'the invitation being gone, the plane has the focus')
  await drawn(await page.reload().then(() => page))
  await page.waitForTimeout(2500)
  assert.equal(await invitation(page).count(), 0, 'it is not asked again')
  assert.deepEqual(fetched(page), [], 'and nothing of the tour is fetched')
  healthy(page)
  await page.close()
})

for (const [width, height] of [[1280, 800], [390, 800], [320, 640]]) {
  test(`the tour is taken by keyboard alone, ${width} pixels wide`, { timeout: 60_000 }, async () => {
    const page = await visit({ viewport: { width, height } })
    await invitation(page).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await onStep(page, 1)
    assert.equal(await invitation(page).count(), 0, 'the invitation is gone')
    await page.keyboard.press('ArrowLeft')
    await onStep(page, 1)
    for (let number = 2; number <= STEPS.length; number++) {
      await page.keyboard.press(number % 2 ? 'ArrowRight' : 'Enter')
      await onStep(page, number)
    }
    await page.keyboard.press('ArrowRight')
    await onStep(page, STEPS.length)
    await page.keyboard.press('ArrowLeft')
    await onStep(page, STEPS.length - 1)
    await tabTo(page, '.panels summary')
    await tabTo(page, '.driver-popover-prev-btn', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await onStep(page, STEPS.length - 2)
    await page.keyboard.press('Escape')
    await words(page).waitFor({ state: 'detached' })
    assert.match((await focus(page)).className, /^plane/, 'the invitation being gone, the plane has the focus')

    // Once more, by the button at the foot of the page.
    await page.locator('[data-tour]').focus()
    await page.keyboard.press('Enter')
    await onStep(page, 1)
    const before = await code(page)
    for (const keys of ['Tab', 'Shift+Tab']) {
      await tabTo(page, '.plane', keys)
      await tabTo(page, '.driver-popover-next-btn', keys)
    }
    await tabTo(page, '.plane')
    await page.keyboard.press('ArrowRight')
    await until(() => code(page), now => `${now}` !== `${before}`, 'the digit follows the keys')
    await onStep(page, 1, '.plane')
    await page.getByRole('button', { name: 'Close the tour' }).click()
    await words(page).waitFor({ state: 'detached' })
    assert.ok(await page.evaluate(() => document.activeElement.matches('[data-tour]')), 'the focus is back')
    healthy(page)
    await page.close()
  })
}

test('in the tour the handle moves by its own keys, and the model is trained', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5'))
  await page.locator('[data-tour]').click()
  await onStep(page, 1)
  const before = await code(page)
  await tabTo(page, '.plane')
  await page.keyboard.press('ArrowRight')
  const moved = await until(() => code(page), now => `${now}` !== `${before}`, 'the digit follows the keys')
  const box = await plane(page).boundingBox()
  await page.mouse.click(box.x + box.width / 4, box.y + box.height / 4)
  await until(() => code(page), now => `${now}` !== `${moved}`, 'the digit follows the pointer')
  assert.equal(await words(page).getByText('1 of 6').count(), 1, 'the step is the same')
  await page.mouse.click(2, 2)
  assert.equal(await words(page).count(), 1, 'a press beside it ends nothing')
  await button(page, 'Next').click()
  await button(page, 'Next').click()
  await onStep(page, 3)
  await button(page, 'Train').click()
  await page.getByRole('status', { name: 'Training state' }).getByText('Training in this tab').waitFor()
  for (let count = 0; count < 3; count++) await button(page, 'Next').click()
  await onStep(page, 6)
  await button(page, 'Done').click()
  await words(page).waitFor({ state: 'detached' })
  healthy(page)
  await page.close()
})

test('without motion where none is wanted, and mirrored where one reads from the right', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5', { context: { reducedMotion: 'reduce' } }))
  await page.evaluate(() => { document.documentElement.dir = 'rtl' })
  await page.locator('[data-tour]').click()
  await onStep(page, 1)
  const motions = await page.evaluate(() => document.getAnimations().map(animation => animation.animationName))
  assert.deepEqual(motions, [])
  await page.keyboard.press('ArrowLeft')
  await onStep(page, 2)
  await page.keyboard.press('ArrowRight')
  await onStep(page, 1)
  healthy(page)
  await page.close()
})

test('a tour that cannot be fetched says so, and can be tried again', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu&grid=5'))
  await page.route('**/vendor/driver.css', route => route.abort())
  const again = page.locator('[data-tour]')
  const fail = async () => {
    await again.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('The tour could not be fetched').waitFor()
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Start the tour')
  }
  await fail()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  assert.equal(await page.getByText('The tour could not be fetched').count(), 0)
  assert.ok(await again.evaluate(element => element === document.activeElement), 'the focus is back')
  await fail()
  await page.unroute('**/vendor/driver.css')
  await page.keyboard.press('Enter')
  await onStep(page, 1)
  assert.equal(await page.getByText('The tour could not be fetched').count(), 0)
  await page.keyboard.press('Escape')
  assert.ok(await again.evaluate(element => element === document.activeElement), 'the focus is back')
  await page.close()
})

test('while the tour is fetched, the plane has the focus', { timeout: 60_000 }, async () => {
  const page = await visit()
  await invitation(page).waitFor()
  let fetch
  const fetching = new Promise(resolve => { fetch = resolve })
  await page.route('**/vendor/driver.css', async route => {
    await fetching
    await route.continue()
  })
  await button(page, 'Start the tour').focus()
  await page.keyboard.press('Enter')
  await invitation(page).waitFor({ state: 'detached' })
  assert.match((await focus(page)).className, /^plane/)
  fetch()
  await onStep(page, 1)
  healthy(page)
  await page.close()
})

test('of the cards at the foot of the window, one is seen', { timeout: 60_000 }, async () => {
  const page = await visit()
  await page.route('**/vendor/driver.css', route => route.abort())
  await invitation(page).waitFor()
  const put = (place, name) => page.locator(place).first().evaluate((place, className) => {
    place.prepend(Object.assign(document.createElement('p'), { className }))
  }, name)
  const take = name => page.locator(`.${name}`).evaluate(card => card.remove())
  const seen = () => page.evaluate(() => [...document.querySelectorAll('.resume, .tour, .update')]
    .filter(card => card.checkVisibility()).map(card => card.className))
  assert.deepEqual(await seen(), ['tour'])
  await put('#app > [role=status]', 'resume')
  assert.deepEqual(await seen(), ['resume'])
  await put('body', 'update')
  assert.deepEqual(await seen(), ['update'])
  await take('resume')
  assert.deepEqual(await seen(), ['update'])
  await put('#app > [role=status]', 'resume')
  // What answers a press is before all, whichever of them came first.
  await page.locator('[data-tour]').click()
  await page.getByText('The tour could not be fetched').waitFor()
  assert.deepEqual(await seen(), ['tour failed'])
  await take('update')
  await put('body', 'update')
  assert.deepEqual(await seen(), ['tour failed'])
  await button(page, 'Close the tour').click()
  assert.deepEqual(await seen(), ['update'])
  await take('update')
  assert.deepEqual(await seen(), ['resume'])
  await page.close()
})

for (const colorScheme of ['light', 'dark']) {
  for (const width of [390, 1280]) {
    test(`nothing is to object to, ${colorScheme}, ${width} pixels wide`, { timeout: 120_000 }, async () => {
      const page = await visit({ viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' })
      await invitation(page).waitFor()
      assert.deepEqual(await violations(page), [], 'with the invitation')
      await button(page, 'Start the tour').click()
      for (let number = 1; number <= STEPS.length; number++) {
        await onStep(page, number)
        assert.deepEqual(await violations(page), [], `at step ${number}`)
        await page.keyboard.press('ArrowRight')
      }
      healthy(page)
      await page.close()
    })
  }
}
