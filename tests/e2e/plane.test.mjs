// Test images on the plane, and paths over it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { button, difference, drawn, handle, healthy, launch, open, pixels, plane, until } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const view = (page, name) => page.getByRole('radiogroup', { name: 'On the plane' }).getByRole('radio', { name, exact: true })
const tip = page => page.getByRole('status', { name: 'Test image' })
const filter = page => page.getByRole('group', { name: 'Classes on the plane' })
const paths = page => page.locator('#panel-path')
const openPaths = page => paths(page).locator('summary').first().click()
const frames = page => paths(page).getByRole('img', { name: 'Frames along the path' })

async function place(page, [x, y]) {
  const box = await plane(page).boundingBox()
  return [box.x + box.width * x, box.y + box.height * y]
}

async function drag(page, from, ...to) {
  await plane(page).scrollIntoViewIfNeeded()
  await page.mouse.move(...await place(page, from))
  await page.mouse.down()
  for (const point of to) await page.mouse.move(...await place(page, point), { steps: 8 })
  await page.mouse.up()
}

/** What is on the canvas over the plane: pixels that are drawn on, those with a colour, the darkest of them, and a
 *  place of one. */
function cloud(page) {
  return page.locator('canvas.cloud').evaluate(canvas => {
    const { width, height } = canvas
    const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data
    const sum = color => color[0] + color[1] + color[2]
    const seen = { width, inked: 0, colored: 0, darkest: [255, 255, 255], at: null }
    for (let index = 0; index < bytes.length; index += 4) {
      if (bytes[index + 3] < 250) continue
      seen.inked++
      const color = [...bytes.subarray(index, index + 3)]
      if (Math.max(...color) - Math.min(...color) < 24) continue
      seen.colored++
      if (sum(color) < sum(seen.darkest)) seen.darkest = color
      // Not at the edge: there it is hard to point at.
      const at = [(index / 4 % width + 0.5) / width, (Math.floor(index / 4 / width) + 0.5) / height]
      if (at.every(share => share > 0.05 && share < 0.95)) seen.at ??= at
    }
    return seen
  })
}

/** Waits until all points are there: the picture is the same for a second. */
async function settled(page, what, accept = c => c.colored > 1000) {
  let [last, since] = ['', Date.now()]
  return until(async () => {
    const seen = await cloud(page)
    const text = JSON.stringify(seen)
    if (text !== last) [last, since] = [text, Date.now()]
    return seen
  }, seen => accept(seen) && Date.now() - since > 1000, what, 90_000)
}

/** The bytes of a canvas that the page draws itself. */
const bytes = locator => locator.evaluate(canvas =>
  [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data])

const size = locator => locator.evaluate(canvas => [canvas.width, canvas.height])

/** Largest difference between the bytes of a picture, without those of its alpha. */
function contrast(bytes) {
  const colors = bytes.filter((_, index) => index % 4 !== 3)
  return colors.reduce((a, b) => Math.max(a, b), 0) - colors.reduce((a, b) => Math.min(a, b), 255)
}

test('test images are marks on the plane, by class, and one can be looked at', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  assert.ok(await view(page, 'Digits').isChecked())
  assert.ok(await page.locator('canvas.cloud').isHidden())
  await view(page, 'Points').check()
  const all = await settled(page, 'points of all classes')
  assert.equal(page.requests.filter(url => url.includes('/encoder.safetensors')).length, 1, 'the encoder came once')
  const paper = () => page.locator('canvas.cloud').evaluate(canvas => getComputedStyle(canvas).backgroundColor)
  assert.equal(await paper(), 'rgb(255, 255, 255)', 'the paper hides the manifold')
  await view(page, 'Both').check()
  const alpha = /[,/] ?(0?\.\d+)\)$/.exec(await paper())
  assert.ok(alpha && Number(alpha[1]) > 0.3, `the paper dims the manifold: ${await paper()}`)
  assert.equal((await settled(page, 'the same points')).colored, all.colored)

  // One class: its colour, and fewer marks.
  assert.equal(await filter(page).getByRole('button', { name: /^Class \d$/ }).count(), 10)
  await filter(page).getByRole('button', { name: 'All classes' }).click()
  await until(() => cloud(page), c => c.inked === 0, 'no class, no marks')
  const one = filter(page).getByRole('button', { name: 'Class 1', exact: true })
  assert.equal(await one.getAttribute('aria-pressed'), 'false')
  await one.click()
  assert.equal(await one.getAttribute('aria-pressed'), 'true')
  const ones = await settled(page, 'marks of class 1', c => c.colored > 100)
  assert.ok(ones.colored < all.colored / 2, `${ones.colored} of ${all.colored} pixels`)
  // Edges are smoothed into the paper, which is lighter.
  const color = (await one.evaluate(button => getComputedStyle(button).getPropertyValue('--mark'))).match(/\d+/g).map(Number)
  const apart = Math.max(...color.map((channel, index) => Math.abs(channel - ones.darkest[index])))
  assert.ok(apart < 40, `marks have the colour of their button: ${ones.darkest} and ${color}`)

  // Pointing at a mark shows its image.
  assert.ok(ones.at, 'a mark of class 1 away from the edge')
  assert.equal(await tip(page).innerText(), '')
  await page.mouse.move(...await place(page, ones.at))
  const number = async () => {
    const match = /^Test image (\d+) · class 1$/.exec((await tip(page).innerText()).trim())
    return match ? Number(match[1]) : null
  }
  await until(number, n => n !== null, 'the image that is pointed at')
  const large = tip(page).locator('canvas')
  await until(() => bytes(large), p => contrast(p) > 100, 'its picture')
  assert.deepEqual(await size(large), [28, 28])
  await page.mouse.move(0, 0)
  await until(number, n => n === null, 'the pointer is gone')

  // Keys go from image to image.
  await plane(page).focus()
  await page.keyboard.press('n')
  const first = await until(number, n => n !== null, 'the first image')
  const start = await handle(page)
  await page.keyboard.press('n')
  const next = await until(number, n => n !== null && n !== first, 'the next image')
  assert.ok(next > first, `${next} comes after ${first}`)
  const there = await until(() => handle(page), at => Math.hypot(at[0] - start[0], at[1] - start[1]) > 0.01, 'the handle is there')
  const beside = await tip(page).evaluate(tip => [tip.style.left, tip.style.top].map(parseFloat))
  assert.ok(Math.hypot(beside[0] - there[0], beside[1] - there[1]) < 0.1, 'image and handle are at one place')
  await page.keyboard.press('Shift+N')
  await until(number, n => n === first, 'the image before')
  await page.keyboard.press('Escape')
  await until(number, n => n === null, 'Escape hides it')

  await view(page, 'Digits').check()
  await page.locator('canvas.cloud').waitFor({ state: 'hidden' })
  assert.equal(await filter(page).count(), 0)
  healthy(page)
  await page.close()
})

test('small pictures stand where images are encoded', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await view(page, 'Points').check()
  const points = await settled(page, 'points')
  await view(page, 'Thumbnails').check()
  const pictures = await settled(page, 'pictures', c => c.width % 28 === 0 && c.width !== points.width && c.inked > 1000)
  assert.ok(pictures.inked < pictures.width ** 2 / 2, 'the paper is seen between strokes')
  await filter(page).getByRole('button', { name: 'All classes' }).click()
  await until(() => cloud(page), c => c.inked === 0, 'no class, no pictures')
  healthy(page)
  await page.close()
})

test('points follow to another family', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await view(page, 'Points').check()
  const first = await settled(page, 'points')
  await page.locator('.family select').selectOption('beta-vae')
  const second = await settled(page, 'points of another family', c => c.colored > 1000 && c.colored !== first.colored)
  assert.notDeepEqual(second, first)
  healthy(page)
  await page.close()
})

test('a strip along a straight, a spherical and a geodesic path', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await openPaths(page)
  const end = name => paths(page).getByRole('group', { name, exact: true })
  await drag(page, [0.5, 0.5], [0.15, 0.3])
  const first = await until(() => pixels(page, 'digit'), p => contrast(p) > 60, 'a digit at A')
  await until(() => handle(page), ([x]) => Math.abs(x - 15) < 1, 'the handle at A')
  // The code that is taken is that of the digit on show.
  await page.waitForTimeout(500)
  const digitA = await pixels(page, 'digit')
  await end('A').getByRole('button', { name: 'From the handle' }).click()
  await drag(page, [0.15, 0.3], [0.6, 0.95])
  await page.waitForTimeout(500)
  const digitB = await pixels(page, 'digit')
  assert.ok(difference(first, digitB) > 40)
  await end('B').getByRole('button', { name: 'From the handle' }).click()

  await until(() => frames(page).isVisible(), seen => seen, 'the strip')
  await until(() => size(frames(page)), ([width, height]) => width === 16 * 28 && height === 28, '16 frames in a row')
  const straight = await bytes(frames(page))
  const frame = (strip, index) => digitA.map((_, at) => strip[Math.floor(at / 112) * 16 * 112 + index * 112 + at % 112])
  assert.ok(difference(frame(straight, 0), digitA) <= 3, 'it begins with A')
  assert.ok(difference(frame(straight, 15), digitB) <= 3, 'it ends with B')
  const lengths = async () => {
    const match = /Length in pixel space ([\d.,]+) \(straight ([\d.,]+)\)/.exec(await paths(page).innerText())
    return match.slice(1).map(text => Number(text.replaceAll(',', '')))
  }
  const [length, base] = await lengths()
  assert.ok(length > 0 && Math.abs(length - base) <= 0.11, `${length} is the straight length ${base}`)

  const way = paths(page).getByRole('combobox', { name: 'Way' })
  const travel = async (name, from) => {
    await way.selectOption(name)
    return until(() => bytes(frames(page)), p => p.length === from.length && difference(p, from) > 20, name, 60_000)
  }
  const spherical = await travel('Spherical', straight)
  assert.ok(difference(frame(spherical, 0), digitA) <= 3, 'a sphere keeps the ends')
  const geodesic = await travel('Geodesic', spherical)
  assert.ok(difference(geodesic, straight) > 20, 'the geodesic is not straight')
  const [short, long] = await lengths()
  assert.ok(short <= long + 0.05, `the geodesic of ${short} is not longer than ${long}`)

  // Along the path: the frame is shown and the handle goes there.
  const before = await handle(page)
  const along = paths(page).getByRole('slider', { name: 'Along the path' })
  await along.fill('0')
  await until(() => handle(page), ([x, y]) => Math.abs(x - 15) < 1 && Math.abs(y - 30) < 1, 'the handle is back at A')
  assert.notDeepEqual(await handle(page), before)
  const one = paths(page).getByRole('img', { name: 'Frame 1 of 16' })
  assert.ok(difference(await bytes(one), digitA) <= 3, 'the first frame, large')
  await along.fill('15')
  await until(() => handle(page), ([x, y]) => Math.abs(x - 60) < 1 && Math.abs(y - 95) < 1, 'the handle is at B')

  await paths(page).getByRole('slider', { name: 'Steps' }).fill('5')
  await until(() => size(frames(page)), ([width]) => width === 5 * 28, 'five frames')
  healthy(page)
  await page.close()
})

test('a path begins at a test digit', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await openPaths(page)
  for (const [name, number] of [['A', '3'], ['B', '18']]) {
    const end = paths(page).getByRole('group', { name, exact: true })
    await end.getByRole('spinbutton').fill(number)
    await end.getByRole('spinbutton').press('Enter')
    await end.getByRole('button', { name: `Take test digit ${number}` }).click()
    await until(() => end.locator('output').innerText(), text => /^z = .*\d/.test(text), `the code of ${name}`, 60_000)
  }
  await until(() => size(frames(page)), ([width]) => width === 16 * 28, 'the strip')
  healthy(page)
  await page.close()
})

test('a path is drawn by hand, played, and saved', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await openPaths(page)
  const draw = button(paths(page), 'Draw a path on the plane')
  await draw.click()
  assert.equal(await draw.getAttribute('aria-pressed'), 'true')
  const still = await handle(page)
  await plane(page).scrollIntoViewIfNeeded()
  await drag(page, [0.2, 0.8], [0.5, 0.2], [0.8, 0.8])
  assert.equal(await draw.getAttribute('aria-pressed'), 'false', 'one drag, one path')
  await until(() => handle(page), ([x, y]) => x !== still[0] && y !== still[1], 'the handle runs along the path')
  const strip = await until(() => size(frames(page)), ([width, height]) => width === 20 * 28 && height === 3 * 28, '60 frames')
  assert.ok(strip)
  const one = await handle(page)
  await until(() => handle(page), at => Math.abs(at[0] - one[0]) > 3, 'and further')
  // Whoever takes the handle stops it.
  await drag(page, [0.5, 0.9], [0.1, 0.1])
  await button(paths(page), 'Play').waitFor()
  const taken = await handle(page)
  await page.waitForTimeout(400)
  assert.deepEqual(await handle(page), taken)
  assert.ok(Math.abs(taken[0] - 10) < 1 && Math.abs(taken[1] - 10) < 1, 'the handle is dragged again')
  await button(paths(page), 'Play').click()
  await until(() => handle(page), at => Math.abs(at[0] - taken[0]) > 3, 'it plays again')
  await button(paths(page), 'Pause').click()

  const download = page.waitForEvent('download', { timeout: 30_000 })
  await button(paths(page), 'Save as GIF').click()
  assert.equal((await download).suggestedFilename(), 'path.gif')

  // Point by point, without a pointer.
  await button(paths(page), 'Start over').click()
  await until(() => frames(page).isVisible(), seen => !seen, 'no path any more')
  const add = button(paths(page), 'Add the handle to the path')
  await add.click()
  await plane(page).focus()
  for (let times = 0; times < 3; times++) await page.keyboard.press('Shift+ArrowRight')
  await add.click()
  await until(() => frames(page).isVisible(), seen => seen, 'a path through two points')

  // Escape ends drawing, and a drag moves the handle again.
  await draw.click()
  await page.keyboard.press('Escape')
  assert.equal(await draw.getAttribute('aria-pressed'), 'false')
  healthy(page)
  await page.close()
})

test('nothing moves by itself for those who prefer less motion', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5', { context: { reducedMotion: 'reduce' } }))
  await openPaths(page)
  await button(paths(page), 'Draw a path on the plane').click()
  const still = await handle(page)
  await drag(page, [0.2, 0.8], [0.8, 0.2])
  await until(() => frames(page).isVisible(), seen => seen, 'the strip')
  await page.waitForTimeout(500)
  assert.deepEqual(await handle(page), still)
  await button(paths(page), 'Play').click()
  await until(() => handle(page), at => at[0] !== still[0], 'Play plays')
  healthy(page)
  await page.close()
})

test('a small screen shows it all, and a tap shows an image', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5', {
    context: { viewport: { width: 320, height: 700 }, isMobile: true, hasTouch: true },
  }))
  await openPaths(page)
  await view(page, 'Points').check()
  const points = await settled(page, 'points')
  const low = await page.locator('.segments label, .class-filter button, #panel-path button').evaluateAll(all =>
    all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 44).map(e => e.textContent))
  assert.deepEqual(low, [], 'all can be tapped')
  await plane(page).scrollIntoViewIfNeeded()
  await page.touchscreen.tap(...await place(page, points.at))
  await until(() => tip(page).innerText(), text => /Test image \d+ · class \d/.test(text), 'the image that was tapped')
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 320, `the page is ${wide} px wide`)
  healthy(page)
  await page.close()
})
