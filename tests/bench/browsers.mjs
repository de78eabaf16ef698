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

/** A browser with a benchmark's page; where the device is missing, `missing` says why. */
export async function openBench(kind, url) {
  const browser = await (kind === 'gpu' ? hardware() : launch({ gpu: kind === 'software' }))
  const page = await browser.newPage()
  await page.goto(`${url}/bench/web/index.html`)
  await page.waitForFunction(() => window.bench)
  const version = browser.version()
  if (kind === 'cpu') return { browser, page, version }
  const adapter = await page.evaluate(() => window.bench.adapter())
  const missing = adapter === null ? 'the browser has no WebGPU adapter' : kind === 'gpu' && adapter.isSoftware ? 'no GPU on this machine, only the software adapter' : null
  if (missing) await browser.close()
  return { browser, page, version, adapter: adapter?.name, missing }
}
