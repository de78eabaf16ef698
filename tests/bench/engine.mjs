// The engine by itself, through its package.
import { KINDS, deviceOf, openBench, reason, within } from './browsers.mjs'
import { figures } from './figures.mjs'
import { serve } from './server.mjs'

/** Steps that are watched for memory. In software a step takes so long that a tiny model has to do, and fewer steps. */
const MEMORY = {
  cpu: { warm: 1000, steps: 10_000, hidden: 128 },
  software: { warm: 100, steps: 500, hidden: 16 },
  gpu: { warm: 1000, steps: 10_000, hidden: 512 },
}

/** Minutes after which a measurement is given up. */
const PATIENCE = 20

const DRAGS = { cpu: 300, software: 40, gpu: 300 }

async function measure(kind, url) {
  const { browser, page, version, adapter, missing } = await openBench(kind, url)
  if (missing) return { missing }
  try {
    const ask = (what, options) => within(PATIENCE, page.evaluate(
      ([what, device, options]) => window.bench[what](device, options), [what, deviceOf(kind), options],
    ))
    const drag = figures(await ask('dragging', DRAGS[kind]))
    console.log(`   ${KINDS[kind]}: drags while training are timed`)
    const growth = await ask('growth')
    console.log(`   ${KINDS[kind]}: growth is timed`)
    const memory = { ...MEMORY[kind], ...await ask('memory', MEMORY[kind]) }
    console.log(`   ${KINDS[kind]}: memory is watched`)
    return { version, adapter, drag, growth, memory }
  } catch (error) {
    return { missing: reason(error) }
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
