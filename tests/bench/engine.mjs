// The engine by itself, through its package.
import { KINDS, deviceOf, openBench } from './browsers.mjs'
import { figures } from './figures.mjs'
import { serve } from './server.mjs'

/** Steps that are watched for memory. In software a step takes so long that a tiny model has to do, and fewer steps. */
const MEMORY = {
  cpu: { warm: 1000, steps: 10_000, hidden: 128 },
  software: { warm: 100, steps: 500, hidden: 16 },
  gpu: { warm: 1000, steps: 10_000, hidden: 512 },
}

const DRAGS = { cpu: 300, software: 40, gpu: 300 }

async function measure(kind, url) {
  const { browser, page, version, adapter, missing } = await openBench(kind, url)
  if (missing) return { missing }
  try {
    const device = deviceOf(kind) === 'wasm' ? 'cpu' : 'webgpu'
    const drag = figures(await page.evaluate(([device, count]) => window.bench.dragging(device, count), [device, DRAGS[kind]]))
    console.log(`   ${KINDS[kind]}: drags while training are timed`)
    const growth = await page.evaluate(device => window.bench.growth(device), device)
    console.log(`   ${KINDS[kind]}: growth is timed`)
    const memory = { ...MEMORY[kind], ...await page.evaluate(([device, plan]) => window.bench.memory(device, plan), [device, MEMORY[kind]]) }
    console.log(`   ${KINDS[kind]}: memory is watched`)
    return { version, adapter, drag, growth, memory }
  } catch (error) {
    return { missing: error.message.replace(/^page\.evaluate: (Error: )*/, '').split('\n')[0] }
  } finally {
    await browser.close()
  }
}

/** Growth, drags while training, and memory, by kind of device. */
export async function engine() {
  const server = await serve()
  try {
    const kinds = {}
    for (const kind of Object.keys(KINDS)) kinds[kind] = await measure(kind, server.url)
    return kinds
  } finally {
    server.close()
  }
}
