// Files in and out: weights that PyTorch reads, runs, own images, pictures and curves.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { PAGE_URL, button, code, difference, drawn, healthy, launch, open, pixels, step, until } from './browser.mjs'
import { images, labels } from './idx.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Small enough for a step in no time. */
const TOY = '&encoder_hidden=32&decoder_hidden=32&batch_size=32&epochs=1000'
/** The page's colours where the light scheme is preferred. */
const [PAPER, INK] = [[255, 255, 255], [0x17, 0x1a, 0x2b]]

let browser
let folder
before(async () => {
  browser = await launch()
  folder = await mkdtemp(join(tmpdir(), 'latent-'))
})
after(async () => {
  await browser.close()
  await rm(folder, { recursive: true })
})

const menu = page => page.locator('.family select')
const alert = page => page.getByRole('alert')
const facts = page => page.getByRole('status', { name: 'Images in use' })
const slider = (page, name) => page.getByRole('slider', { name, exact: true })
const unfold = (page, id) => page.locator(`#panel-${id} > summary`).click()
const weightsInput = page => page.getByLabel('Open weights or a run')
const imagesInput = page => page.getByLabel('Open images')
const file = (name, buffer, mimeType = 'application/octet-stream') => ({ name, mimeType, buffer })

/** What the page lets the browser save: its name and bytes. */
async function saved(page, name) {
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, name).click()])
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) }
}

/** The bytes of a canvas once they change no more. */
async function settled(page, which) {
  let last = await pixels(page, which)
  return until(async () => {
    await page.waitForTimeout(150)
    const before = last
    last = await pixels(page, which)
    return { same: before.length === last.length && difference(before, last) === 0, last }
  }, ({ same }) => same, `${which} stands still`).then(({ last }) => last)
}

/** Waits until the digit is this one. */
const shows = (page, digit, what) => until(() => pixels(page, 'digit'), p => difference(p, digit) <= 1, what)

/** Waits until the alert says this, and that nothing else happened; then dismisses it. */
async function refuses(page, pattern, digit) {
  await until(() => alert(page).innerText(), text => text.length > 30 && pattern.test(text), `the alert says ${pattern}`)
  if (digit) assert.ok(difference(await settled(page, 'digit'), digit) <= 1, `${pattern}: the digit stays`)
  await button(page, 'Dismiss').click()
}

/** Drops or pastes files as a visitor would. */
function bring(page, how, files) {
  const data = files.map(({ name, mimeType, buffer }) => [name, mimeType, buffer.toString('base64')])
  return page.evaluate(([how, data]) => {
    const transfer = new DataTransfer()
    for (const [name, type, base64] of data) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, { type }))
    }
    const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer }
    if (how === 'paste') {
      document.body.dispatchEvent(new ClipboardEvent('paste', options))
    } else {
      document.body.dispatchEvent(new DragEvent(how, options))
    }
  }, [how, data])
}

/** The header of a safetensors file. */
function header(bytes) {
  const length = Number(bytes.readBigUInt64LE())
  return { length, json: JSON.parse(bytes.subarray(8, 8 + length).toString()) }
}

/** A safetensors file with this header and these bytes of tensors. */
function weights(json, data = Buffer.alloc(0)) {
  const text = Buffer.from(JSON.stringify(json))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, data])
}

async function shipped(family) {
  return Buffer.from(await (await fetch(`${PAGE_URL}/models/${family}/decoder.safetensors`)).arrayBuffer())
}

/** Counts as shown: images to train on, images to test, classes. */
async function counts(page) {
  const said = /: ([\d,]+) images to train on, ([\d,]+) to test; classes: (\d+)/.exec(await facts(page).innerText())
  return said?.slice(1).map(text => Number(text.replaceAll(',', '')))
}

test('weights trained in the tab are read by Python and come back', { timeout: 180_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 60, 'some steps', 60_000)
  await button(page, 'Pause').click()
  await until(() => button(page, 'Train').isEnabled(), enabled => enabled, 'paused')
  const steps = await step(page)
  const z = [1, -0.5]
  await slider(page, 'z1').fill(String(z[0]))
  await slider(page, 'z2').fill(String(z[1]))
  await until(() => code(page), ([x, y]) => x === z[0] && y === z[1], 'the code')
  const digit = await settled(page, 'digit')
  assert.equal(digit.length, 28 * 28 * 4)

  await unfold(page, 'files')
  const own = await saved(page, 'Save the weights')
  assert.equal(own.name, `vae-step${steps}.safetensors`)
  const { json } = header(own.bytes)
  assert.equal(json.__metadata__.step, String(steps))
  assert.deepEqual(json['decoder.output.weight'].shape, [784, 32], 'as PyTorch has it')
  const intensities = Array.from({ length: 784 }, (_, pixel) => (PAPER[0] - digit[4 * pixel]) / (PAPER[0] - INK[0]))
  assert.ok(Math.max(...intensities) - Math.min(...intensities) > 0.2, 'a picture, not a blank')
  const [kept, seen] = [join(folder, own.name), join(folder, 'digit.json')]
  await writeFile(kept, own.bytes)
  await writeFile(seen, JSON.stringify({ z, pixels: intensities }))
  const python = (args) => promisify(execFile)(process.env.PYTHON ?? 'python3', ['tests/python/read_weights.py', ...args], { cwd: ROOT })
  assert.match((await python([kept, seen])).stdout, /^vae at step \d+: pixels agree/)
  await writeFile(seen, JSON.stringify({ z: [-1, 0.5], pixels: intensities }))
  await assert.rejects(python([kept, seen]), /differ by/, 'a check that can fail')

  const run = await saved(page, 'Save the whole run')
  assert.equal(run.name, `vae-run-step${steps}.safetensors`)
  assert.ok(Object.keys(header(run.bytes).json).some(name => name.startsWith('state.')), 'with the optimiser')

  // Back by the picker, by dropping, by pasting.
  const ways = [
    () => weightsInput(page).setInputFiles([file(own.name, own.bytes)]),
    async () => {
      await bring(page, 'dragover', [file(own.name, own.bytes)])
      await page.locator('.drop-hint').waitFor()
      await bring(page, 'drop', [file(own.name, own.bytes)])
      await page.locator('.drop-hint').waitFor({ state: 'detached' })
    },
    () => bring(page, 'paste', [file(own.name, own.bytes)]),
  ]
  for (const way of ways) {
    await menu(page).selectOption('autoencoder')
    await until(() => page.locator('.state').innerText(), text => text.includes('squared error'), 'another family')
    await menu(page).selectOption('vae')
    await until(() => page.locator('.state').innerText(), text => text.includes('ELBO'), 'the shipped model')
    await slider(page, 'z1').fill(String(z[0]))
    await slider(page, 'z2').fill(String(z[1]))
    await until(() => pixels(page, 'digit'), p => difference(p, digit) > 20, 'the shipped digit')
    await way()
    await shows(page, digit, 'the digit of the file')
  }
  assert.equal(await alert(page).innerText(), '')
  healthy(page)
  await page.close()

  const other = await drawn(await open(browser, '?grid=5'))
  await unfold(other, 'files')
  await weightsInput(other).setInputFiles([file(run.name, run.bytes)])
  await until(() => other.locator('.state').innerText(), text => text.startsWith('Paused'), 'the run is here', 60_000)
  await until(() => other.url(), url => url.includes('batch_size=32'), 'with its settings')
  await button(other, 'Step').click()
  const expected = Number(header(run.bytes).json.__metadata__.step) + 1
  assert.ok(expected > 1)
  await until(() => step(other), n => n === expected, 'it goes on where it was')
  await button(other, 'Reset').click()
  await until(() => other.locator('.state').innerText(), text => text.startsWith('Shipped model'), 'Reset leads back')
  healthy(other)
  await other.close()
})

test('weights of another family are offered, and nothing changes before', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  const digit = await settled(page, 'digit')
  const bytes = await shipped('beta-vae')
  await unfold(page, 'files')
  for (const press of ['Dismiss', 'Switch to it']) {
    await weightsInput(page).setInputFiles([file('other.safetensors', bytes)])
    await until(() => alert(page).innerText(), text => /other\.safetensors holds a model of another kind/.test(text), 'the offer')
    assert.equal(await menu(page).inputValue(), 'vae')
    assert.ok(difference(await settled(page, 'digit'), digit) <= 1, 'nothing changed')
    await button(page, press).click()
    assert.equal(await alert(page).innerText(), '')
  }
  await until(() => menu(page).inputValue(), id => id === 'beta-vae', 'the family is chosen')
  const latents = page.getByRole('group', { name: 'Latents', exact: true }).getByRole('slider')
  await until(() => latents.count(), n => n === 10, 'ten latents')
  await until(() => pixels(page, 'digit'), p => difference(p, digit) > 20, 'its digit')
  assert.equal(page.requests.filter(url => url.includes('/models/beta-vae/')).length, 0, 'the file was enough')
  healthy(page)
  await page.close()
})

test('files that are no good change nothing', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  const digit = await settled(page, 'digit')
  const good = await shipped('vae')
  const { length, json } = header(good)
  const nan = Buffer.from(good)
  nan.writeUInt16LE(0x7e00, 8 + length)
  const endless = Buffer.from(good)
  endless.fill(0xff, 0, 8)
  const long = Buffer.from(good)
  long.writeBigUInt64LE(BigInt(good.length))
  const garbage = Buffer.from(good)
  garbage.fill('{', 8, 8 + length)
  const lacking = { ...json }
  delete lacking['decoder.output.bias']
  const unknown = { ...json, __metadata__: { ...json.__metadata__, family: 'abacus' } }
  const { __metadata__, ...silent } = json
  const bad = [
    [good.subarray(0, good.length / 2), /cut off/],
    [good.subarray(0, 100), /cut off/],
    [good.subarray(0, 5), /no safetensors file/],
    [Buffer.alloc(0), /no safetensors file/],
    [endless, /no safetensors file/],
    [long, /cut off/],
    [garbage, /no safetensors file/],
    [Buffer.from('PK\x03\x04 and so on'), /no safetensors file/],
    [weights(unknown, good.subarray(8 + length)), /does not hold a model of this page/],
    [weights(silent, good.subarray(8 + length)), /does not say what model it is/],
    // What only the engine sees.
    [nan, /finite/],
    [weights(lacking, good.subarray(8 + length)), /./],
  ]
  await unfold(page, 'files')
  for (const [bytes, pattern] of bad) {
    await weightsInput(page).setInputFiles([file('bad.safetensors', bytes)])
    await refuses(page, pattern, digit)
  }
  assert.equal(await menu(page).inputValue(), 'vae')
  healthy(page)
  await page.close()
})

test('own images are trained on', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5${TOY}`))
  await unfold(page, 'images')
  assert.match(await facts(page).innerText(), /MNIST/)
  await imagesInput(page).setInputFiles([
    file('fashion-t10k-labels-idx1-ubyte.gz', gzipSync(labels(100))),
    file('fashion-train-images-idx3-ubyte.gz', gzipSync(images(600))),
    file('fashion-t10k-images-idx3-ubyte.gz', gzipSync(images(100))),
    file('fashion-train-labels-idx1-ubyte.gz', gzipSync(labels(600))),
  ])
  assert.deepEqual(await until(() => counts(page), found => found !== undefined && found[0] === 600, 'the counts'), [600, 100, 10])
  assert.match(await facts(page).innerText(), /^fashion \(/)
  await page.getByRole('img', { name: 'The first test images' }).waitFor()
  await until(() => page.getByLabel('Names of the classes').inputValue(), names => names.endsWith('Sneaker, Bag, Ankle boot'), 'names')
  await page.getByText('Images of each class', { exact: true }).click()
  const row = page.locator('#panel-images tbody tr').first()
  assert.deepEqual(await row.locator('th, td').allInnerTexts(), ['T-shirt/top', '60', '10'])
  await page.getByLabel('Names of the classes').fill('Nil, One')
  await page.getByLabel('Names of the classes').press('Enter')
  assert.deepEqual(await page.locator('#panel-images tbody th').allInnerTexts(), ['Nil', 'One', ...'23456789'])

  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 30, 'steps', 60_000)
  await button(page, 'Pause').click()
  await button(page, "Back to the page's images").click()
  await until(() => facts(page).innerText(), text => text.startsWith('MNIST'), 'MNIST again', 60_000)
  await until(() => counts(page), found => found?.[1] === 10_000 && found[2] === 10, 'its counts', 60_000)
  await button(page, "Back to the page's images").waitFor({ state: 'detached' })
  healthy(page)
  await page.close()
})

test('images alone are dropped, and a part is kept back', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await bring(page, 'drop', [file('my-bars.idx', images(70))])
  // The panel opens by itself.
  const [train, held, classes] = await until(() => counts(page), found => found !== undefined, 'the counts')
  assert.equal(train + held, 70)
  assert.ok(Math.abs(held - 10) <= 1, `${held} kept back`)
  assert.equal(classes, 1)
  await slider(page, 'Share kept back for testing').fill('50')
  await bring(page, 'drop', [file('my-bars.idx', images(70)), file('anything', labels(70))])
  const half = await until(() => counts(page), found => found?.[2] === 10, 'with labels')
  assert.ok(Math.abs(half[0] - 35) <= 1, `${half[0]} trained on`)
  healthy(page)
  await page.close()
})

test('images that are no good change nothing', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await unfold(page, 'images')
  await imagesInput(page).setInputFiles([file('bars.idx', images(70)), file('labels.idx', labels(70))])
  await until(() => counts(page), found => found?.[2] === 10, 'good ones')
  const before = await facts(page).innerText()
  const zipped = gzipSync(images(70))
  const bad = [
    [[file('bars.idx', images(70)), file('labels.idx', labels(69))], /bars\.idx holds 70 images and labels\.idx holds 69 labels/],
    [[file('large.idx', images(20, 32))], /large\.idx holds images of 32 . 32/],
    [[file('notes.txt', Buffer.from('Nothing to see in here.'))], /notes\.txt is neither/],
    [[file('labels.idx', labels(70))], /no images to train on/],
    [[file('a.idx', images(20)), file('b.idx', images(20))], /a\.idx and b\.idx/],
    [[file('broken.gz', Buffer.concat([zipped.subarray(0, 10), Buffer.alloc(50, 0xff)]))], /broken\.gz could not be unzipped/],
    // What only the engine sees.
    [[file('short.gz', zipped.subarray(0, zipped.length - 30))], /./],
    [[file('short.idx', images(70).subarray(0, 5000))], /./],
  ]
  for (const [files, pattern] of bad) {
    await imagesInput(page).setInputFiles(files)
    await refuses(page, pattern)
    assert.equal(await facts(page).innerText(), before, `${pattern}`)
    assert.equal(await page.getByRole('status', { name: 'Reading images' }).innerText(), '', 'nothing is being read')
  }
  healthy(page)
  await page.close()
})

test('a set as large as MNIST is there within ten seconds', { timeout: 120_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  await unfold(page, 'images')
  // Noise in a quarter of the pixels, as compressible as digits are.
  const noisy = count => {
    const bytes = images(count)
    let state = 1
    for (let at = 16; at < bytes.length; at += 4) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      bytes[at] = state >>> 28
    }
    return gzipSync(bytes, { level: 1 })
  }
  const files = [
    file('train-images-idx3-ubyte.gz', noisy(60_000)), file('train-labels-idx1-ubyte.gz', gzipSync(labels(60_000))),
    file('t10k-images-idx3-ubyte.gz', noisy(10_000)), file('t10k-labels-idx1-ubyte.gz', gzipSync(labels(10_000))),
  ]
  const start = Date.now()
  await imagesInput(page).setInputFiles(files)
  await until(() => counts(page), found => found?.[0] === 60_000, 'the counts', 60_000)
  const seconds = (Date.now() - start) / 1000
  assert.ok(seconds < 10, `${seconds} s`)
  assert.deepEqual(await counts(page), [60_000, 10_000, 10])
  assert.match(await facts(page).innerText(), /^Own images \(/)
  healthy(page)
  await page.close()
})

test('a picture is cut into images', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  /** Dark squares on white, but for two blank tiles. */
  const sheet = (width, height) => page.evaluate(async ([width, height]) => {
    const canvas = new OffscreenCanvas(width, height)
    const context = canvas.getContext('2d')
    context.fillStyle = '#fff'
    context.fillRect(0, 0, width, height)
    context.fillStyle = '#222'
    for (let tile = 2; tile < 20; tile++) context.fillRect(tile % 5 * 28 + 9, Math.floor(tile / 5) * 28 + 6, 8, 12)
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())]
  }, [width, height])
  await bring(page, 'drop', [file('squares.png', Buffer.from(await sheet(140, 112)), 'image/png')])
  const [train, held] = await until(() => counts(page), found => found !== undefined, 'the counts')
  assert.equal(train + held, 18)
  assert.match(await facts(page).innerText(), /^squares \(/)
  await bring(page, 'drop', [file('odd.png', Buffer.from(await sheet(141, 112)), 'image/png')])
  await refuses(page, /odd\.png is 141 . 112 pixels/)
  await bring(page, 'drop', [file('fake.png', Buffer.from('no picture'), 'image/png')])
  await refuses(page, /fake\.png could not be read as a picture/)
  assert.match(await facts(page).innerText(), /^squares \(/)
  healthy(page)
  await page.close()
})

test('pictures and curves are saved', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, `?grid=5&seed=7${TOY}`))
  await unfold(page, 'files')
  const size = ({ bytes }) => {
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG')
    return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  }
  const whole = await saved(page, 'Save the plane')
  assert.equal(whole.name, 'vae-plane-seed7.png')
  assert.deepEqual(size(whole), [140, 140])
  await page.getByLabel('Size of the plane').selectOption('4')
  assert.deepEqual(size(await saved(page, 'Save the plane')), [560, 560])
  await page.getByLabel('Size of the digit').fill('3')
  await page.getByLabel('Size of the digit').press('Enter')
  const picture = await saved(page, 'Save the digit')
  assert.deepEqual(size(picture), [84, 84])
  // Pixel by pixel what is seen, each three times as large.
  const digit = await settled(page, 'digit')
  const enlarged = await page.evaluate(async base64 => {
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0))
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const context = new OffscreenCanvas(84, 84).getContext('2d')
    context.drawImage(bitmap, 0, 0)
    return [...context.getImageData(0, 0, 84, 84).data]
  }, picture.bytes.toString('base64'))
  const expected = enlarged.map((_, at) => {
    const [pixel, channel] = [Math.floor(at / 4), at % 4]
    return digit[4 * (Math.floor(pixel / 84 / 3) * 28 + Math.floor(pixel % 84 / 3)) + channel]
  })
  assert.ok(difference(enlarged, expected) <= 1, 'no smoothing')

  assert.ok(await button(page, 'Save the losses').isDisabled(), 'no curve yet')
  for (const n of [1, 2, 3]) {
    await button(page, 'Step').click()
    await until(() => step(page), steps => steps === n, `step ${n}`, 60_000)
  }
  const curves = await saved(page, 'Save the losses')
  assert.equal(curves.name, 'vae-losses-seed7.csv')
  const [head, ...lines] = curves.bytes.toString().trimEnd().split('\n').map(line => line.split(','))
  assert.deepEqual(head, ['step', 'total', 'reconstruction', 'kl', 'test'])
  assert.deepEqual([...new Set(lines.map(([n]) => Number(n)))], [1, 2, 3])
  for (const line of lines) {
    assert.equal(line.length, head.length)
    assert.ok(line.slice(0, 4).every(cell => cell !== '' && Number.isFinite(Number(cell))), `numbers: ${line}`)
  }
  const last = Number(lines.at(-1)[1])
  assert.ok(Math.abs(last - Number(await page.locator('output[data-loss="total"]').innerText())) < 0.06, 'as in the legend')
  healthy(page)
  await page.close()
})

test('a GIF is made beside the page', async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  assert.equal(page.requests.filter(url => url.includes('gifenc')).length, 0, 'not before it is wanted')
  const { start, frames, repeats, corners, size } = await page.evaluate(async () => {
    const worker = new Worker('gif-worker.js', { type: 'module' })
    // Two frames of 3 x 2: the first is paper but for its first pixel, the second is ink.
    const greys = Uint8Array.from([255, 0, 0, 0, 0, 0, ...Array(6).fill(255)])
    const colors = Uint8Array.from({ length: 64 * 3 }, (_, at) => 250 - 3 * Math.floor(at / 3))
    const bytes = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = reject
      worker.postMessage([greys, 3, 2, 4, 120, colors])
    })
    const decoder = new ImageDecoder({ data: bytes, type: 'image/gif' })
    await Promise.all([decoder.completed, decoder.tracks.ready])
    const track = decoder.tracks.selectedTrack
    const corners = []
    let size
    for (let index = 0; index < track.frameCount; index++) {
      const { image } = await decoder.decode({ frameIndex: index })
      size = [image.displayWidth, image.displayHeight, image.duration / 1000]
      const context = new OffscreenCanvas(12, 8).getContext('2d')
      context.drawImage(image, 0, 0)
      corners.push([context.getImageData(3, 3, 1, 1).data[0], context.getImageData(11, 7, 1, 1).data[0]])
    }
    const start = String.fromCharCode(...bytes.subarray(0, 6))
    return { start, frames: track.frameCount, repeats: String(track.repetitionCount), corners, size }
  })
  assert.equal(start, 'GIF89a')
  assert.equal(frames, 2)
  assert.equal(repeats, 'Infinity')
  assert.deepEqual(size, [12, 8, 120])
  assert.deepEqual(corners, [[61, 250], [61, 61]])
  healthy(page)
  await page.close()
})

test('files and images fit a small screen', async () => {
  const page = await drawn(await open(browser, '?grid=5', {
    context: { viewport: { width: 320, height: 700 }, isMobile: true, hasTouch: true },
  }))
  await unfold(page, 'files')
  await unfold(page, 'images')
  await imagesInput(page).setInputFiles([file('bars.idx', images(70)), file('labels.idx', labels(70))])
  await until(() => counts(page), found => found !== undefined, 'the counts')
  const wide = await page.evaluate(() => document.documentElement.scrollWidth)
  assert.ok(wide <= 320, `the page is ${wide} px wide`)
  for (const name of ['Save the weights', 'Save the plane', 'Numbers', "Back to the page's images"]) {
    const { height } = await button(page, name).boundingBox()
    assert.ok(height >= 44, `${name} is ${height} px high`)
  }
  await page.close()
})
