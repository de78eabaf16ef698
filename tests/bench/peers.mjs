// The engine and its peers: the same weights and the same steps, in turns, in one browser.
import { readFile } from 'node:fs/promises'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { KINDS, deviceOf, openBench, reason, within } from './browsers.mjs'
import { bundle, contestants } from './contestants.mjs'
import { figures } from './figures.mjs'
import { fileOf, serve } from './server.mjs'

/** Largest difference of pixels, and of losses relative to the reference: ours draws its own noise. */
const AGREE = { pixels: 1e-4, loss: 1e-3, ownNoise: 1e-2 }

/** Work of a round, for each contestant; no round begins after `seconds`, except the first three that count. A software
 *  adapter takes seconds for what a CPU does in milliseconds. */
const PLANS = {
  cpu: { warm: 3, rounds: 15, singles: 20, planes: 3, steps: 4, seconds: 300 },
  software: { warm: 1, rounds: 8, singles: 6, planes: 2, steps: 1, seconds: 300 },
  gpu: { warm: 3, rounds: 15, singles: 20, planes: 3, steps: 4, seconds: 300 },
}

/** Minutes after which a contestant that is examined is given up. */
const PATIENCE = 6

/** Brotli is slow at its best; this large, a little less makes no difference to speak of. */
const LARGE = 4_000_000

async function compressed(address) {
  const bytes = await readFile(fileOf(address))
  const quality = bytes.length < LARGE ? 11 : 9
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }).length
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli }
}

/** Bytes of the code that was fetched, the benchmark's own left out. */
async function bytesOf(addresses) {
  const total = { raw: 0, gzip: 0, brotli: 0 }
  for (const address of addresses) {
    if (address.startsWith('/bench/')) continue
    const size = await compressed(address)
    for (const key of Object.keys(total)) total[key] += size[key]
  }
  return total
}

/** Why a contestant is not timed, if it is not. */
function disagreement({ pixelDifference, lossDifference }, { file }) {
  if (!(pixelDifference <= AGREE.pixels)) return `its pixels differ by ${pixelDifference}`
  const limit = file ? AGREE.loss : AGREE.ownNoise
  if (lossDifference !== undefined && !(lossDifference <= limit)) return `its first losses differ by ${lossDifference} of theirs`
  return null
}

/** One contestant by itself, in a page of its own. */
async function examine(browser, url, served, entry) {
  const page = await browser.newPage()
  try {
    await page.goto(`${url}/bench/web/index.html`)
    await page.waitForFunction(() => window.bench)
    served.clear()
    const found = await within(PATIENCE, page.evaluate(entry => window.bench.solo(entry), entry))
    return { ...found, bytes: await bytesOf(served), leftOut: disagreement(found, entry) }
  } catch (error) {
    return { leftOut: reason(error) }
  } finally {
    await page.close()
  }
}

async function measure(kind, { url, served }) {
  const { browser, page, version, adapter, missing } = await openBench(kind, url)
  if (missing) return { missing }
  const entries = contestants(deviceOf(kind))
  const found = {}
  for (const entry of entries) {
    found[entry.id] = { name: entry.name, trains: entry.trains, ...await examine(browser, url, served, entry) }
    console.log(`   ${KINDS[kind]}: ${entry.name}: ${found[entry.id].leftOut ?? 'agrees'}`)
  }
  const able = entries.filter(({ id }) => !found[id].leftOut)
  const timed = await page.evaluate(([able, plan]) => window.bench.rounds(able, plan), [able, PLANS[kind]])
  await browser.close()
  for (const { id, samples } of timed) {
    for (const [name, taken] of Object.entries(samples)) {
      if (taken.length === 0) continue
      found[id][`${name}Ms`] = { inside: figures(taken.map(({ inside }) => inside)), page: figures(taken.map(({ page }) => page)) }
    }
  }
  return { version, adapter, contestants: found }
}

/** Everything that has peers, by kind of device. */
export async function peers() {
  await bundle()
  const server = await serve()
  try {
    const kinds = {}
    for (const kind of Object.keys(KINDS)) kinds[kind] = await measure(kind, server)
    return kinds
  } finally {
    server.close()
  }
}
