// Whether the page fits: every screen, both directions of writing, fingers, high contrast, less motion; and whether anything
// jumps while it loads.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { drawn, handle, launch, open, plane, until } from './browser.mjs'

const QUERY = '?device=cpu&grid=5'
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

/** The page with its first pictures. */
const opened = context => open(browser, QUERY, { context }).then(page => drawn(page))

/** Opens every panel and whatever else is folded away, and waits for what is only then made. */
async function unfold(page) {
  const all = () => page.evaluate(() => document.querySelectorAll('details').forEach(details => { details.open = true }))
  await all()
  await page.locator('#experiment-race').waitFor({ timeout: 30_000 })
  await all()
}

const turn = (page, direction) => page.evaluate(direction => { document.documentElement.dir = direction }, direction)

/** How far the document reaches sideways beyond the screen, and what reaches there. Phones widen their screen instead. */
const excess = (page, width) => page.evaluate(width => {
  const root = document.documentElement
  const beyond = Math.max(root.scrollWidth, innerWidth) - width
  if (beyond <= 0) return []
  const isOut = element => {
    const { left, right } = element.getBoundingClientRect()
    return right > width + 0.5 || left < -0.5
  }
  return [beyond, ...[...document.querySelectorAll('body *')].filter(isOut).slice(0, 8).map(e => `${e.localName}.${e.getAttribute('class')}`)]
}, width)

for (const width of [320, 390, 768, 1280, 1920, 3840]) {
  test(`nothing scrolls sideways, ${width} pixels wide`, { timeout: 120_000 }, async () => {
    const isMobile = width < 500
    const page = await opened({ viewport: { width, height: width > 2000 ? 2160 : 900 }, isMobile, hasTouch: isMobile })
    assert.deepEqual(await excess(page, width), [], 'at rest')
    await unfold(page)
    for (const direction of ['ltr', 'rtl']) {
      await turn(page, direction)
      assert.deepEqual(await excess(page, width), [], `with everything open, ${direction}`)
    }
    if (width > 1920) {
      const room = await page.evaluate(() => {
        const share = selector => document.querySelector(selector).getBoundingClientRect().width / innerWidth
        return { main: share('main'), plane: share('.plane'), letters: parseFloat(getComputedStyle(document.body).fontSize) }
      })
      assert.ok(room.main > 0.9 && room.plane > 0.4 && room.letters >= 20, `a large screen is used: ${JSON.stringify(room)}`)
    }
    await page.close()
  })
}

// A link among words is as high as its line; what has a label is pressed by it.
test('everything that is pressed has room for a finger', { timeout: 120_000 }, async () => {
  const page = await opened(PHONE)
  await page.evaluate(() => document.querySelector('.segments label:last-child input').click())
  await unfold(page)
  const { count, small } = await page.evaluate(() => {
    const isAmongWords = element =>
      element.matches('a') && [...element.parentNode.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
    const controls = 'a[href], button, select, textarea, input:not([type=hidden]), summary, [role=application], [tabindex="0"]'
    const all = [...document.querySelectorAll(controls)]
      .filter(element => element.checkVisibility({ visibilityProperty: true }) && !isAmongWords(element))
    const sides = element => [element, ...element.labels ?? []].map(target => {
      const { width, height } = target.getBoundingClientRect()
      return [Math.round(width * 10) / 10, Math.round(height * 10) / 10]
    })
    const small = all.filter(element => !sides(element).some(([width, height]) => width >= 44 && height >= 44))
    const name = element => `${element.localName}.${element.className} "${element.ariaLabel ?? element.textContent.trim()}" ${sides(element)}`
    return { count: all.length, small: small.map(name) }
  })
  assert.ok(count > 100, `only ${count} controls were seen`)
  assert.deepEqual(small, [])
  await page.close()
})

for (const colorScheme of ['light', 'dark']) {
  test(`in forced colours everything keeps its edge, ${colorScheme}`, { timeout: 120_000 }, async () => {
    const page = await opened({ forcedColors: 'active', colorScheme })
    await page.evaluate(() => document.querySelector('.segments label:nth-child(3) input').click())
    await page.locator('.class-filter button').first().waitFor()
    await page.locator('.class-filter button').first().click()
    await unfold(page)
    const seen = await page.evaluate(() => {
      const rgb = color => color.match(/[\d.]+/g).map(Number)
      const paper = getComputedStyle(document.body).backgroundColor
      // A system colour may let the paper through.
      const light = color => {
        const [under, [r, g, b, alpha = 1]] = [rgb(paper), rgb(color)]
        const [red, green, blue] = [r, g, b].map((value, index) => (value * alpha + under[index] * (1 - alpha)) / 255)
          .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
      }
      const contrast = (a, b) => {
        const [least, most] = [light(a), light(b)].sort((x, y) => x - y)
        return (most + 0.05) / (least + 0.05)
      }
      const weak = []
      const demand = (element, what, color, against = paper) => {
        if (contrast(color, against) < 3) weak.push(`${element.localName}.${element.className}: ${what} ${color} on ${against}`)
      }
      const each = (selector, look) => {
        const found = [...document.querySelectorAll(selector)].filter(element => element.checkVisibility())
        if (found.length === 0) weak.push(`${selector}: nothing there`)
        for (const element of found) look(element, getComputedStyle(element))
      }
      each('.explore, .training, .panel, .measure, button, select, .pad, .segments, input:not([type=range], [type=radio], [type=checkbox])',
        (element, style) => {
          const isFilled = contrast(style.backgroundColor, paper) >= 3
          if (!element.matches('.stage') && !isFilled) demand(element, 'border', style.borderTopColor)
          if (style.borderTopWidth === '0px' || style.borderTopStyle === 'none') weak.push(`${element.localName}.${element.className}: no border`)
        })
      each('.handle', (element, style) => {
        demand(element, 'ring', style.borderTopColor)
        if (style.boxShadow === 'none') weak.push('handle: no halo on what is drawn')
      })
      each('button.primary, .segments input:checked + span', (element, style) => {
        demand(element, 'selected', style.backgroundColor)
        demand(element, 'its words', style.color, style.backgroundColor)
      })
      each('.training .swatch', (element, style) => demand(element, 'colour', style.color))
      const marks = new Set()
      each('.class-filter button[aria-pressed=true]:not(:last-child)', (element, style) => marks.add(style.borderBottomColor))
      return { weak, marks: marks.size, swatches: new Set([...document.querySelectorAll('.training .swatch')].map(e => getComputedStyle(e).color)).size }
    })
    assert.deepEqual(seen, { weak: [], marks: 9, swatches: 4 })
    // What has the focus has an outline, the invisible radios by what they lie on.
    const controls = { plane: '.plane', button: '.copy-link button', select: '.family select', summary: '.panel > summary', range: '.latent input' }
    for (const [name, selector] of Object.entries({ ...controls, radio: '.segments input:checked' })) {
      await page.locator(selector).first().focus()
      await page.keyboard.press('Shift')
      const outline = await page.evaluate(() => {
        const focus = document.activeElement
        const style = getComputedStyle(focus.matches('[type=radio]') ? focus.nextElementSibling : focus)
        return `${style.outlineStyle} ${style.outlineWidth}`
      })
      assert.equal(outline, 'solid 3px', `focus on the ${name}`)
    }
    await page.close()
  })
}

test('written from the right, the plane stays where the pointer is', { timeout: 120_000 }, async () => {
  const page = await opened()
  await turn(page, 'rtl')
  const box = await plane(page).boundingBox()
  const training = await page.locator('.training').boundingBox()
  assert.ok(training.x + training.width <= box.x, 'the page is mirrored')
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  for (const [x, y] of [[0.2, 0.3], [0.8, 0.6]]) {
    await page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 4 })
    await until(() => handle(page), ([left, top]) => Math.abs(left - 100 * x) < 1 && Math.abs(top - 100 * y) < 1, 'the handle follows')
    const ring = await plane(page).locator('.handle').boundingBox()
    const off = [ring.x + ring.width / 2 - box.x - box.width * x, ring.y + ring.height / 2 - box.y - box.height * y]
    assert.ok(Math.hypot(...off) < 3, `the handle is ${off} pixels beside the pointer`)
  }
  await page.mouse.up()
  await page.close()
})

const STRIP = '&family=beta-vae&strip=traversals'
for (const context of [PHONE, { viewport: { width: 1280, height: 800 } }]) {
  for (const [rate, link] of [[1, ''], [4, ''], [4, STRIP]]) {
    const { width } = context.viewport
    test(`nothing jumps while the page loads, ${width} pixels wide, ${rate} times slower ${link}`, { timeout: 120_000 }, async () => {
      const page = await open(browser, QUERY + link, { context, before: async page => {
        const devtools = await page.context().newCDPSession(page)
        await devtools.send('Emulation.setCPUThrottlingRate', { rate })
        await page.addInitScript(() => {
          globalThis.shifts = []
          const name = node => node?.nodeType === Node.ELEMENT_NODE ? `${node.localName}.${node.className}` : node?.textContent ?? 'gone'
          const place = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ')
          const hear = entry => {
            if (entry.hadRecentInput) return
            globalThis.shifts.push([entry.value, ...entry.sources.map(
              ({ node, previousRect, currentRect }) => `${name(node)}: ${place(previousRect)} -> ${place(currentRect)}`)])
          }
          new PerformanceObserver(list => list.getEntries().forEach(hear)).observe({ type: 'layout-shift', buffered: true })
        })
      } })
      await drawn(page, 60_000)
      // What comes after the first pictures: speeds, scores, and the line about use without a network.
      await page.waitForTimeout(4000)
      const shifts = await page.evaluate(() => globalThis.shifts)
      const hidden = await page.locator('main').evaluate(main =>
        [...main.querySelectorAll('button, .speeds, .code, h2, .state')].filter(element => getComputedStyle(element).visibility !== 'visible').length)
      await page.close()
      assert.deepEqual(shifts, [])
      assert.equal(hidden, 0, 'what waited is there')
    })
  }
}

test('what waits while the page loads never waits again: the menu keeps the focus', { timeout: 120_000 }, async () => {
  const page = await opened()
  const menu = page.locator('.family select')
  await menu.focus()
  await page.evaluate(() => {
    const hidden = globalThis.hidden = new Set()
    const look = () => {
      for (const element of document.querySelectorAll('.training, .panels, .grid-slider, .cloud-controls, .code-place')) {
        if (getComputedStyle(element).visibility !== 'visible') hidden.add(element.className)
      }
      requestAnimationFrame(look)
    }
    look()
  })
  await menu.selectOption('conditional-vae')
  await page.getByRole('radiogroup', { name: 'Class' }).waitFor({ timeout: 30_000 })
  await until(() => page.getByLabel('Code z').innerText(), text => text !== '', 'its digit')
  assert.deepEqual(await page.evaluate(() => [...globalThis.hidden]), [])
  assert.ok(await menu.evaluate(element => element === document.activeElement), 'the menu has the focus')
  await page.close()
})

test('where less motion is wanted, nothing moves by itself', { timeout: 120_000 }, async () => {
  const page = await opened({ reducedMotion: 'reduce' })
  await unfold(page)
  const moving = await page.evaluate(() => {
    const lasts = times => times.split(',').some(time => parseFloat(time) > 0)
    const all = [...document.querySelectorAll('*')].flatMap(element => [null, '::before', '::after'].map(pseudo => [element, pseudo]))
    const moves = all.filter(([element, pseudo]) => {
      const { transitionDuration, animationDuration, animationName, scrollBehavior } = getComputedStyle(element, pseudo)
      return lasts(transitionDuration) || (animationName !== 'none' && lasts(animationDuration)) || scrollBehavior !== 'auto'
    })
    return moves.map(([element, pseudo]) => `${element.localName}.${element.getAttribute('class')}${pseudo ?? ''}`)
  })
  assert.deepEqual(moving, [])
  await page.close()
})
