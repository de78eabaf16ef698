// The browsers of the benchmark: without a GPU, with WebGPU in software, and with the machine's own GPU.
import { chromium } from 'playwright-core'
import { launch } from '../e2e/browser.mjs'

/** WebGPU on the machine's GPU, also where Chromium does not trust its driver. */
const HARDWARE = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-angle=vulkan', '--ignore-gpu-blocklist']

function hardware() {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: [...sandbox, '--disable-dev-shm-usage', ...HARDWARE] })
}

/** Kinds of devices, with what they are called. */
export const KINDS = { cpu: 'CPU (wasm, one thread)', software: 'WebGPU in software', gpu: 'WebGPU on a GPU' }

/** The name that contestants and engine have for a kind. */
export const deviceOf = kind => (kind === 'cpu' ? 'wasm' : 'webgpu')

/** Why an adapter is not of a kind, if it is not. */
function lacking(kind, adapter) {
  if (adapter === null) return kind === 'gpu' ? 'the browser finds no GPU on this machine' : 'the browser has no WebGPU in software here'
  return kind === 'gpu' && adapter.isSoftware ? 'there is no GPU on this machine, only a software adapter' : null
}

/** A browser with a benchmark's page; where the device is missing, `missing` says why. */
export async function openBench(kind, url) {
  const browser = await (kind === 'gpu' ? hardware() : launch({ gpu: kind === 'software' }))
  const page = await browser.newPage()
  await page.goto(`${url}/bench/web/index.html`)
  await page.waitForFunction(() => window.bench)
  const version = browser.version()
  if (kind === 'cpu') return { browser, page, version }
  const adapter = await page.evaluate(() => window.bench.adapter())
  const missing = lacking(kind, adapter)
  if (missing) await browser.close()
  return { browser, page, version, adapter: adapter?.name, missing }
}

/** What a promise gives, unless it takes too many minutes. */
export async function within(minutes, promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it gave no answer within ${minutes} minutes`)), minutes * 60_000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What went wrong in a page, in a line. */
export const reason = error => error.message.replace(/^page\.evaluate: (\w*Error: )*/, '').split('\n')[0]
