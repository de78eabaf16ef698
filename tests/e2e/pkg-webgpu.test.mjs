// The npm package on WebGPU, emulated by SwiftShader: toy sizes, and agreement with the CPU.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { counted, metered } from './meter.mjs'
import { launch } from './browser.mjs'
import { digits, folder, serve, unpack } from './package.mjs'

let browser, server

before(async () => {
  const path = await folder('package-webgpu')
  unpack(path)
  const { images } = await digits(64)
  server = await serve(path, { '/index.html': '<!doctype html><title>A page</title>', '/digits.bin': images })
  browser = await launch({ gpu: true })
})
after(async () => {
  await browser.close()
  server.close()
})

async function open(t, from = browser) {
  const page = await from.newPage()
  t.after(() => page.close())
  await page.goto(server.url)
  await page.evaluate(async () => {
    window.TOY = { encoder_hidden: [16], decoder_hidden: [16], batch_size: 8, epochs: 1000 }
    window.images = new Uint8Array(await (await fetch('digits.bin')).arrayBuffer())
    window.library = await import('/index.js')
  })
  return page
}

test('a software GPU is not used unless asked for', { timeout: 120_000 }, async t => {
  const page = await open(t)
  const device = await page.evaluate(async () => {
    const engine = await window.library.createEngine()
    engine.dispose()
    return engine.device
  })
  assert.equal(device.kind, 'cpu')
  assert.match(device.reason, /emulated in software/)
  assert.ok(!server.requests.some(path => path.includes('engine_gpu')), 'nor fetched')
})

test('a GPU that never answers is given up after five seconds', { timeout: 120_000 }, async t => {
  const page = await open(t)
  await page.route('**/cpu.worker.js', async route => {
    const response = await route.fetch()
    const silent = 'navigator.gpu.requestAdapter = () => new Promise(() => {})\n'
    await route.fulfill({ response, body: silent + await response.text() })
  })
  const start = Date.now()
  const device = await page.evaluate(async () => {
    const engine = await window.library.createEngine()
    engine.dispose()
    return engine.device
  })
  assert.equal(device.kind, 'cpu')
  assert.match(device.reason, /did not answer within 5 seconds/)
  assert.ok(Date.now() - start < 15_000, `${Date.now() - start} ms`)
})

test('WebGPU decodes, encodes and trains as the CPU does', { timeout: 300_000 }, async t => {
  const page = await open(t)
  const { cpu, gpu } = await page.evaluate(async () => {
    const { createEngine } = window.library
    const [cpu, gpu] = [await createEngine({ device: 'cpu' }), await createEngine({ device: 'webgpu' })]
    const first = await cpu.train('vae', TOY, { images })
    await first.steps(4).next()
    const file = await first.save()
    const what = async engine => {
      const run = await engine.resume(file, { images })
      const model = await engine.load(file)
      const pixels = await model.decode(Float32Array.of(0.5, -1, 1, 1))
      const { mu } = await model.encode(images.subarray(0, 784))
      const { value } = await run.steps(3).next()
      const { total } = await run.evaluate()
      const { device } = engine
      engine.dispose()
      return { device, pixels: [...pixels], mu: [...mu], step: value.step, losses: Object.values(value.losses), total }
    }
    return { cpu: await what(cpu), gpu: await what(gpu) }
  })
  assert.deepEqual([gpu.device.kind, gpu.device.reason], ['webgpu', 'asked for'])
  const apart = (a, b) => Math.max(...a.map((value, index) => Math.abs(value - b[index])))
  assert.equal(gpu.pixels.length, 2 * 784)
  assert.ok(apart(gpu.pixels, cpu.pixels) < 1e-4, `pixels ${apart(gpu.pixels, cpu.pixels)} apart`)
  assert.ok(apart(gpu.mu, cpu.mu) < 1e-4)
  assert.deepEqual([gpu.step, cpu.step], [7, 7])
  assert.ok(apart(gpu.losses, cpu.losses) < 0.05, `losses ${gpu.losses} and ${cpu.losses}`)
  assert.ok(Math.abs(gpu.total - cpu.total) < 0.05)
})

test('a lost GPU is an error with a code, and another engine goes on', { timeout: 300_000 }, async t => {
  // A browser of its own: the others would lose their GPU too.
  const own = await launch({ gpu: true })
  t.after(() => own.close())
  const page = await open(t, own)
  await page.evaluate(async () => {
    window.engine = await window.library.createEngine({ device: 'webgpu' })
    window.run = await window.engine.train('vae', TOY, { images })
    await window.run.steps(1).next()
    window.file = await window.run.save()
  })
  const session = await own.newBrowserCDPSession()
  await session.send('Browser.crashGpuProcess')
  const { code, cpu } = await page.evaluate(async () => {
    let code
    try {
      for await (const { step } of window.run.steps(1)) if (step > 1000) break
    } catch (error) {
      code = error instanceof window.library.LatentError ? error.code : String(error)
    }
    window.engine.dispose()
    const engine = await window.library.createEngine({ device: 'cpu' })
    const run = await engine.resume(window.file, { images })
    return { code, cpu: (await run.steps(1).next()).value.step }
  })
  assert.equal(code, 'device-lost')
  assert.equal(cpu, 2)
})

test('a training step is at most 40 kernels, and nothing is read back but the losses', { timeout: 240_000 }, async t => {
  const page = await browser.newPage()
  t.after(() => page.close())
  await metered(page, '**/webgpu.worker.js')
  await page.goto(server.url)
  await page.evaluate(async () => {
    const images = new Uint8Array(await (await fetch('digits.bin')).arrayBuffer())
    const { createEngine } = await import('/index.js')
    const engine = await createEngine({ device: 'webgpu' })
    const settings = { encoder_hidden: [16], decoder_hidden: [16], batch_size: 8, epochs: 1000 }
    window.run = await engine.train('vae', settings, { images })
    // The first steps make buffers and kernels.
    for await (const _ of window.run.steps(3)) break
  })
  await counted(page, 'reset')
  const steps = 10
  await page.evaluate(async steps => { for await (const _ of window.run.steps(steps)) break }, steps)
  const { dispatches, readbacks } = await counted(page)
  // Three losses are put together and read once.
  assert.ok(dispatches > 10 * steps && dispatches <= 40 * steps + 4, `${dispatches} kernels in ${steps} steps`)
  assert.ok(readbacks <= 3, `${readbacks} readbacks in ${steps} steps`)
})
