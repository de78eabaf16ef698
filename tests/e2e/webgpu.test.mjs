// WebGPU on SwiftShader, which is a hundred times slower than a GPU: toy sizes, and agreement with the CPU.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import {
  PAGE_URL, badge, button, code, difference, drawn, handle, healthy, launch, loss, open, pixels, plane, step, until,
} from './browser.mjs'
import { counted, metered } from './meter.mjs'

let browser
before(async () => { browser = await launch({ gpu: true }) })
after(() => browser.close())

const TOY = '&grid=5&encoder_hidden=16&decoder_hidden=16&batch_size=4&images=64'

/** Opens the page and waits until the GPU engine is in charge and has drawn. */
async function onGpu(query) {
  const page = await drawn(await open(browser, `?device=webgpu${query}`))
  await until(() => badge(page).innerText(), text => text.includes('WebGPU'), 'WebGPU takes over', 120_000)
  return page
}

test('the quicker engine computes, and the badge has the figures of both', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, '?grid=5'))
  const said = await until(() => badge(page).innerText(), text => text.includes('a training step take'), 'a choice', 120_000)
  // SwiftShader is far slower than the CPU engine.
  const [, cpu, gpu] = /CPU \(SIMD\)[^]* take ([\d.]+) ms; the GPU \(.*\) took ([\d.]+) ms/.exec(said)
  assert.ok(Number(cpu) > 0 && Number(gpu) > Number(cpu), said)
  await plane(page).focus()
  await page.keyboard.press('ArrowRight')
  await until(() => code(page), ([x]) => x > 0, 'still draggable')
  await until(() => page.workers().length, count => count === 1, 'the other engine is gone')
  healthy(page)
  await page.close()
})

test('a GPU that is quicker takes over', { timeout: 240_000 }, async () => {
  // The clock of the CPU engine runs a thousand times as fast, so that it loses.
  const before = page => page.route('**/engine.js?engine=engine_cpu*', async route => {
    const response = await route.fetch()
    const clock = 'const now = performance.now.bind(performance)\nperformance.now = () => 1000 * now()\n'
    await route.fulfill({ response, body: clock + await response.text() })
  })
  const page = await drawn(await open(browser, `?${TOY}`, { before }))
  const said = await until(() => badge(page).innerText(), text => text.includes('WebGPU'), 'WebGPU takes over', 120_000)
  const [, gpu, cpu] = /a training step take ([\d.]+) ms; the CPU took ([\d.,]+) ms/.exec(said)
  assert.ok(Number(gpu) < Number(cpu.replaceAll(',', '')), said)
  healthy(page)
  await page.close()
})

for (const [call, said] of [
  ['navigator.gpu.requestAdapter', 'did not answer within 5 seconds'],
  ['GPUAdapter.prototype.requestDevice', 'did not open within 5 seconds'],
]) {
  test(`a GPU whose ${call} never answers delays nothing`, async () => {
    const before = page => page.route('**/engine.js?engine=*', async route => {
      const response = await route.fetch()
      await route.fulfill({ response, body: `${call} = () => new Promise(() => {})\n${await response.text()}` })
    })
    const start = Date.now()
    const page = await drawn(await open(browser, '?grid=5', { before }))
    assert.ok(Date.now() - start < 5000, 'the first digit does not wait for it')
    await plane(page).focus()
    await page.keyboard.press('ArrowRight')
    await until(() => code(page), ([x]) => x > 0, 'draggable meanwhile', 3000)
    await until(() => badge(page).innerText(), text => text.includes('CPU (SIMD)') && text.includes(said), 'the reason')
    healthy(page)
    await page.close()
  })
}

test('WebGPU decodes what the CPU decodes', { timeout: 240_000 }, async () => {
  const cpu = await drawn(await open(browser, '?device=cpu&grid=5&at=0.3,0.6'))
  await until(() => badge(cpu).innerText(), text => text.includes('?device=cpu'), 'the CPU, as asked for')
  const gpu = await onGpu('&grid=5&at=0.3,0.6')
  for (const which of ['digit', 'plane']) {
    const expected = await pixels(cpu, which)
    await until(async () => difference(await pixels(gpu, which), expected), d => d <= 2, `${which} within 2 of 255`, 60_000)
  }
  await plane(gpu).focus()
  await gpu.keyboard.press('Shift+ArrowRight')
  await until(() => handle(gpu), ([x]) => Math.abs(x - 40) < 0.01, 'handle')
  await until(() => code(gpu), ([x]) => Math.abs(x + 0.25) < 0.01, 'code on the GPU', 30_000)
  healthy(gpu)
  await cpu.close()
  await gpu.close()
})

test('nothing is read back while dragging, by the engine\'s count and by the browser\'s', { timeout: 240_000 }, async () => {
  const before = page => metered(page, '**/engine.js?engine=engine_gpu*')
  const page = await drawn(await open(browser, '?device=webgpu&grid=5', { before }))
  await until(() => badge(page).innerText(), text => text.includes('WebGPU'), 'WebGPU takes over', 120_000)
  await plane(page).focus()
  await page.keyboard.press('ArrowRight')
  await until(() => code(page), ([x]) => x > 0, 'a first drag on the GPU', 30_000)
  await counted(page, 'reset')
  for (const key of ['ArrowUp', 'ArrowRight', 'ArrowDown', 'ArrowRight']) {
    const old = await code(page)
    await page.keyboard.press(key)
    await until(() => code(page), now => String(now) !== String(old), 'the next digit', 30_000)
  }
  await page.getByText('read back per drag 0 bytes').waitFor()
  const { dispatches, draws, readbacks, readBytes } = await counted(page)
  assert.deepEqual([readbacks, readBytes], [0, 0])
  assert.ok(draws >= 4, `${draws} draws`)
  // The decoder has two hidden layers.
  assert.ok(dispatches <= 3 * draws, `${dispatches} kernels for ${draws} digits`)
  healthy(page)
  await page.close()
})

test('the laboratory examines the model that the GPU holds', { timeout: 240_000 }, async () => {
  const page = await onGpu('&grid=5&open=lab')
  const card = page.locator('#experiment-density')
  await card.getByRole('button', { name: 'Run' }).click()
  const digits = Number(await card.locator('[data-fact=digits] .value').innerText({ timeout: 60_000 }))
  assert.ok(Math.abs(digits - 139.8) < 0.5, `${digits} nats, as of the shipped model on the CPU`)
  healthy(page)
  await page.close()
})

test('WebGPU trains to the losses of the CPU', { timeout: 300_000 }, async () => {
  const losses = async page => {
    const seen = []
    for (let count = 1; count <= 4; count++) {
      await button(page, 'Step').click()
      await until(() => step(page), n => n === count, `step ${count}`, 60_000)
      seen.push(await loss(page, 'total'))
    }
    await page.close()
    return seen
  }
  const cpu = await losses(await drawn(await open(browser, `?device=cpu${TOY}`)))
  const gpu = await losses(await onGpu(TOY))
  for (const [index, expected] of cpu.entries()) {
    assert.ok(Math.abs(gpu[index] - expected) <= 0.2, `step ${index + 1}: ${gpu[index]} instead of ${expected}`)
  }
})

test('a run that began on the CPU goes on when the GPU takes over', { timeout: 240_000 }, async () => {
  const page = await drawn(await open(browser, `?device=webgpu${TOY}`))
  await button(page, 'Step').click()
  // On either device: the other may take over while this step is still waiting for its images.
  await until(() => step(page), n => n === 1, 'one step', 60_000)
  await until(() => badge(page).innerText(), text => text.includes('WebGPU'), 'WebGPU takes over', 120_000)
  await until(() => button(page, 'Step').isEnabled(), enabled => enabled, 'the run is there', 60_000)
  await button(page, 'Step').click()
  await until(() => step(page), n => n === 2, 'the second step on the GPU', 60_000)
  await page.close()
})

test('a lost GPU is said in words and the CPU goes on', { timeout: 240_000 }, async t => {
  // A browser of its own: the others would lose their GPU too.
  const own = await launch({ gpu: true })
  t.after(() => own.close())
  const page = await drawn(await open(own, `?device=webgpu${TOY}`))
  await until(() => badge(page).innerText(), text => text.includes('WebGPU'), 'WebGPU takes over', 120_000)
  const session = await own.newBrowserCDPSession()
  await session.send('Browser.crashGpuProcess')
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowRight')
  await until(() => badge(page).innerText(), text => text.includes('CPU (SIMD)'), 'the CPU takes over', 60_000)
  await page.getByRole('alert').getByText(/started again on the CPU/).waitFor()
  await page.keyboard.press('Home')
  await until(() => code(page), ([x, y]) => x === 0 && y === 0, 'still draggable', 30_000)
})

test('every family conforms on WebGPU', { timeout: 2_400_000 }, async () => {
  const page = await browser.newPage()
  await page.route('**/conformance/**', async route => {
    const name = new URL(route.request().url()).pathname.split('/').pop()
    if (name === 'worker.js') {
      const body = "import init from './conformance.js'; init()"
      return route.fulfill({ body, contentType: 'text/javascript' })
    }
    const body = await readFile(new URL(`../../target/conformance/${name}`, import.meta.url))
    return route.fulfill({ body, contentType: name.endsWith('.wasm') ? 'application/wasm' : 'text/javascript' })
  })
  await page.goto(`${PAGE_URL}/icon.svg`)
  const outcomes = await page.evaluate(() => new Promise((resolve, reject) => {
    const worker = new Worker('/conformance/worker.js', { type: 'module' })
    const outcomes = []
    worker.onerror = error => reject(new Error(`the worker broke after ${outcomes.length} checks: ${error.message}`))
    worker.onmessage = ({ data: [name, fault] }) => {
      if (name === 'done') resolve(outcomes)
      else outcomes.push([name, fault])
    }
  }))
  assert.ok(outcomes.length >= 2 * 9 * 8, `only ${outcomes.length} checks`)
  for (const device of ['webgpu', 'cpu']) {
    const kernels = outcomes.filter(([name]) => name.startsWith(`${device}: kernels: `))
    assert.ok(kernels.length > 80, `only ${kernels.length} comparisons of kernels on ${device}`)
  }
  assert.deepEqual(outcomes.filter(([, fault]) => fault !== null), [])
  await page.close()
})
