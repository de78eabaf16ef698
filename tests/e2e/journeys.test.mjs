// The main journeys, in three browser engines, on the CPU.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { PAGE_URL, difference, until } from './browser.mjs'
import { images, labels } from './idx.mjs'
import { ROOT, serve } from './package.mjs'
import { Key, NAMES, missing, start } from './webdriver.mjs'

const DIST = process.env.DIST ?? join(ROOT, 'dist')
const TOY = '&encoder_hidden=32&decoder_hidden=32&images=2000&batch_size=32&epochs=1000'
const PLANE = '.plane[role=application]'
const german = JSON.parse(await readFile(new URL('../../www/text/de.json', import.meta.url), 'utf8'))

let folder
before(async () => { folder = await mkdtemp(join(tmpdir(), 'journeys-')) })
after(() => rm(folder, { recursive: true }))

/** The digit's 784 pixels, however large the engine has drawn it; or the plane, made as small. */
const pixels = (visitor, which) => visitor.run(which => {
  const canvas = document.querySelector(`.${which}-surface canvas`)
  if (!canvas) return []
  const context = new OffscreenCanvas(28, 28).getContext('2d')
  context.imageSmoothingEnabled = false
  context.drawImage(canvas, 0, 0, 28, 28)
  return [...context.getImageData(0, 0, 28, 28).data].filter((_, index) => index % 4 === 0)
}, which)

const contrast = values => values.length === 0 ? 0 : Math.max(...values) - Math.min(...values)
const handle = visitor => visitor.run(plane => {
  const { left, top } = document.querySelector(`${plane} .handle`).style
  return [parseFloat(left), parseFloat(top)]
}, PLANE)
const code = async visitor => {
  const text = await visitor.run(() => document.querySelector('[aria-label="Code z"]').innerText)
  return text.replaceAll('\u2212', '-').split(', ').map(Number)
}
const step = visitor => visitor.run(() => {
  return Number(document.querySelector('output[aria-label="Step"]')?.innerText.replaceAll(',', '')) || 0
})
const loss = (visitor, name) => visitor.text(`output[data-loss="${name}"]`).then(Number)
const state = visitor => visitor.text('[role=status][aria-label="Training state"]')
const menu = visitor => visitor.run(() => document.querySelector('select.language').value)

async function drawn(visitor) {
  for (const which of ['digit', 'plane']) {
    await until(() => pixels(visitor, which), values => contrast(values) > 100, `${which} drawn`)
  }
}

async function arrive(visitor, query = '') {
  await visitor.open(`${PAGE_URL}/${query}`)
  await drawn(visitor)
}

for (const name of NAMES) {
  describe(name, { skip: missing(name), concurrency: 1 }, () => {
    let visitor
    before(async () => { visitor = await start(name) })
    after(() => visitor?.close())
    afterEach(async () => assert.deepEqual(await visitor.failures(), [], 'nothing went wrong in the page'))

    test('a digit and the plane are drawn before anything is touched', async () => {
      await arrive(visitor)
      assert.match(await visitor.text('.badge'), /CPU \(SIMD\)/)
      assert.deepEqual(await code(visitor), [0, 0])
      assert.equal(await visitor.count('.alert'), 0)
    })

    test('the digit is drawn crisp', async () => {
      await arrive(visitor)
      const rows = await visitor.look('.digit-surface canvas')
      const side = rows.length / 28
      assert.ok(side > 4, `a pixel of the digit is ${side} large`)
      assert.ok(contrast(rows.flat()) > 300, 'a digit is seen')
      // Without the corners, which are round.
      for (let y = 2; y < 26; y++) {
        const row = rows[Math.floor((y + 0.5) * side)]
        for (let x = 2; x < 26; x++) {
          // Beside the edges, where a pixel of the screen may be of two.
          const inside = row.slice(Math.ceil(x * side) + 1, Math.floor((x + 1) * side) - 1)
          assert.ok(contrast(inside) <= 6, `row ${y}, column ${x} is smoothed: ${inside}`)
        }
      }
    })

    test('a drag moves handle, digit and code', async () => {
      await arrive(visitor)
      const first = await pixels(visitor, 'digit')
      await visitor.drag(PLANE, [0.5, 0.5], [0.6, 0.4], [0.8, 0.2])
      await until(() => handle(visitor), ([x, y]) => Math.abs(x - 80) < 1 && Math.abs(y - 20) < 1, 'handle at 80 %, 20 %')
      // The inverse normal CDF of 0.8 is 0.84, upwards.
      await until(() => code(visitor), z => z.every(value => Math.abs(value - 0.84) < 0.04), 'code')
      await until(() => pixels(visitor, 'digit'), now => difference(now, first) > 40, 'another digit')
    })

    test('keys move the handle', async () => {
      await arrive(visitor)
      await visitor.keys(PLANE, Key.ARROW_RIGHT)
      await until(() => handle(visitor), ([x, y]) => Math.abs(x - 51) < 0.01 && Math.abs(y - 50) < 0.01, 'one step right')
      await visitor.keys(PLANE, Key.chord(Key.SHIFT, Key.ARROW_UP))
      await until(() => handle(visitor), ([, y]) => Math.abs(y - 40) < 0.01, 'ten steps up')
      await visitor.keys(PLANE, Key.HOME)
      await until(() => code(visitor), ([x, y]) => x === 0 && y === 0, 'the origin')
    })

    test('training lowers the loss, answers drags, pauses, goes on and resets', async () => {
      await arrive(visitor, `?grid=10${TOY}`)
      const shipped = await pixels(visitor, 'plane')
      await visitor.press('Train')
      await until(() => step(visitor), n => n >= 1, 'a first step')
      const first = await loss(visitor, 'total')
      await until(() => step(visitor), n => n >= 100, 'a hundred steps', 60_000)
      assert.ok(await loss(visitor, 'total') < 0.8 * first, 'the loss falls')
      const before = await step(visitor)
      await visitor.drag(PLANE, [0.5, 0.5], [0.9, 0.5])
      await until(() => code(visitor), ([x]) => Math.abs(x - 1.28) < 0.05, 'a drag is answered', 5000)
      await until(() => step(visitor), n => n > before, 'training goes on meanwhile')
      await visitor.press('Pause')
      await until(() => state(visitor), text => text.startsWith('Paused'), 'paused')
      const paused = await step(visitor)
      await new Promise(resolve => setTimeout(resolve, 500))
      assert.equal(await step(visitor), paused, 'pause stops the count')
      await visitor.press('Step')
      await until(() => step(visitor), n => n === paused + 1, 'one step')
      await visitor.press('Reset')
      await until(() => pixels(visitor, 'plane'), now => difference(now, shipped) === 0, 'the shipped model is back')
    })

    test('a drawing is seen and marked on the plane', async () => {
      await arrive(visitor, '?grid=10')
      await visitor.click('#panel-draw > summary')
      await visitor.drag('#panel-draw [role=img][aria-label^="Pad "]', [0.25, 0.2], [0.75, 0.2], [0.4, 0.85])
      await until(() => visitor.count('.marks .mean path'), count => count > 0, 'its mean on the plane')
      await until(() => visitor.text('#panel-draw'), text => text.includes('Reconstruction'), 'its reconstruction')
      const [, ...told] = (await visitor.text('#panel-draw')).match(/drawing lies (\d+) % across and (\d+) % up/)
      const marked = await visitor.run(plane => {
        const [mark, around] = ['.marks .mean path', plane].map(css => document.querySelector(css).getBoundingClientRect())
        const share = (start, size, from, whole) => 100 * (start + size / 2 - from) / whole
        return [share(mark.x, mark.width, around.x, around.width), 100 - share(mark.y, mark.height, around.y, around.height)]
      }, PLANE)
      const isThere = point => point.every((share, axis) => Math.abs(share - told[axis]) < 1)
      assert.ok(isThere(marked), `marked at ${marked}, told to lie at ${told}`)
      await visitor.press('Put the handle there')
      await until(() => handle(visitor), ([x, y]) => isThere([x, 100 - y]), 'the handle on the mark')
    })

    test('test images are points on the plane', async () => {
      await arrive(visitor, '?grid=10')
      await visitor.run(() => {
        const views = [...document.querySelectorAll('.cloud-controls .segments label')]
        views.find(view => view.innerText.trim() === 'Points').click()
      })
      const inked = () => visitor.run(() => {
        const canvas = document.querySelector('canvas.cloud')
        if (!canvas?.width) return 0
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
        return data.filter((value, index) => index % 4 === 3 && value > 200).length
      })
      await until(inked, count => count > 1000, 'points', 60_000)
    })

    test('a run is kept, offered again and goes on where it was', async () => {
      await arrive(visitor, `?grid=5${TOY}`)
      await visitor.press('Train')
      await until(() => step(visitor), n => n >= 50, 'fifty steps', 60_000)
      await visitor.press('Pause')
      await until(() => state(visitor), text => text.startsWith('Paused'), 'paused')
      const at = await step(visitor)
      const isKept = () => visitor.wait(async () => {
        const open = indexedDB.open('latent-explorer')
        const database = await new Promise(resolve => { open.onsuccess = () => resolve(open.result) })
        const read = database.transaction('runs').objectStore('runs').getAll()
        const runs = await new Promise(resolve => { read.onsuccess = () => resolve(read.result) })
        database.close()
        return runs.map(run => run.progress.step)
      })
      await until(isKept, kept => kept.includes(at), 'the checkpoint is kept')
      await visitor.anew(`${PAGE_URL}/`)
      await drawn(visitor)
      await until(() => visitor.text('.resume'), text => text.length > 0, 'the run is offered')
      await visitor.click('.resume button')
      const seen = []
      await until(async () => seen[seen.push(await step(visitor)) - 1], n => n > at, 'the run goes on', 60_000)
      // Before the run is there, none is: 0. One that began anew would be seen on its way.
      assert.deepEqual(seen.filter(n => n > 0 && n < at), [], `steps from ${at} on`)
    })

    test('own images are trained on', async () => {
      const files = [join(folder, 'bars.idx'), join(folder, 'bar-labels.idx')]
      await writeFile(files[0], images(200))
      await writeFile(files[1], labels(200))
      await arrive(visitor, `?grid=5${TOY}`)
      await visitor.click('#panel-images > summary')
      await visitor.choose('#panel-images input[type=file]', ...files)
      await until(() => visitor.text('#panel-images'), text => text.includes('171 images to train on, 29 to test'), 'counts')
      await visitor.press('Train')
      await until(() => step(visitor), n => n >= 20, 'steps', 60_000)
      await visitor.press('Pause')
    })

    test('weights are saved and come back', async () => {
      await arrive(visitor, `?grid=5${TOY}`)
      await visitor.press('Train')
      await until(() => step(visitor), n => n >= 50, 'fifty steps', 60_000)
      await visitor.press('Pause')
      await until(() => state(visitor), text => text.startsWith('Paused'), 'paused')
      await visitor.click('#panel-files > summary')
      const path = join(folder, `${name}.safetensors`)
      const { file, bytes } = await visitor.saved('Save the weights')
      assert.equal(file, `vae-step${await step(visitor)}.safetensors`)
      await writeFile(path, bytes)
      // The digit of these very weights.
      await visitor.keys(PLANE, Key.ARROW_RIGHT, Key.HOME)
      await until(() => code(visitor), ([x]) => x === 0, 'the origin')
      await new Promise(resolve => setTimeout(resolve, 500))
      const trained = await pixels(visitor, 'digit')
      await visitor.press('Reset')
      await until(() => pixels(visitor, 'digit'), now => difference(now, trained) > 20, 'the shipped model is back')
      await visitor.choose('#panel-files input[type=file]', path)
      await until(() => pixels(visitor, 'digit'), now => difference(now, trained) <= 2, 'the digit of the file')
    })

    test('a link restores what is on screen, and follows it', async () => {
      const settings = () => visitor.run(() => ['seed', 'beta', 'epochs'].map(key => {
        return document.querySelector(`#setting-${key}`)?.value
      }))
      await arrive(visitor)
      const [, , epochs] = await settings()
      await arrive(visitor, '?seed=42&grid=12&at=0.25,0.75&beta=4&epochs=nonsense')
      assert.deepEqual(await handle(visitor), [25, 25])
      assert.deepEqual(await settings(), ['42', '4', epochs], 'the link\'s settings, and the usual epochs')
      await visitor.keys(PLANE, Key.HOME)
      const url = await until(() => visitor.run(() => location.href), url => url.includes('at=0.5000,0.5000'), 'the address')
      assert.ok(url.includes('seed=42') && url.includes('grid=12') && url.includes('beta=4'), url)
    })

    test('the page works without its server', async t => {
      const server = await serve(DIST)
      t.after(server.close)
      await visitor.open(`${server.url}/?device=cpu&grid=5`)
      await drawn(visitor)
      await until(() => visitor.text('#offline'), text => text.includes('can work without a network'), 'the offer')
      assert.equal(await visitor.count('.update'), 0, 'the first version is not a new one')
      await visitor.click('#offline button')
      await until(() => visitor.text('#offline'), text => text.includes('All files are kept'), 'all is kept', 60_000)
      server.close()
      await visitor.reload()
      await drawn(visitor)
      await visitor.keys(PLANE, Key.ARROW_RIGHT)
      await until(() => code(visitor), ([x]) => x > 0, 'the digit follows')
      await visitor.press('Train')
      await until(() => step(visitor), n => n >= 5, 'steps', 60_000)
    })

    test('the language is chosen and stays', async () => {
      await arrive(visitor)
      await visitor.run(() => {
        const menu = document.querySelector('select.language')
        menu.value = 'de'
        menu.dispatchEvent(new Event('change', { bubbles: true }))
      })
      await until(() => visitor.text('h1'), text => text === german['app.title'], 'German')
      await visitor.reload()
      await drawn(visitor)
      await until(() => visitor.text('h1'), text => text === german['app.title'], 'German still')
      assert.equal(await menu(visitor), 'de')
    })
  })
}
