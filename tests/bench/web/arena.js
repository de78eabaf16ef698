// What the benchmark's page does for the script that drives it.
import { create as createReference } from '../contestants/plain.js'
import { Engine } from './engine.js'
import { Peer } from './peer.js'
import { batch, codes, weights } from './problem.js'

const given = weights()
const open = entry => (entry.file ? Peer : Engine).open(entry, given)

/** Seeds of the codes and of the batches on which all must agree. */
const [CODES, FIRST] = [7, 11]
const CHECKED = 3

const meter = new BroadcastChannel('gpu-meter')

/** Asks the workers that are there for their counts of calls to the GPU. There must be one worker with calls. */
function counts(ask) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no worker tells its counts')), 10_000)
    meter.onmessage = ({ data }) => {
      clearTimeout(late)
      resolve(data)
    }
    meter.postMessage(ask)
  })
}

async function counted(work, times) {
  await counts('reset')
  await work()
  return Object.fromEntries(Object.entries(await counts('read')).map(([name, count]) => [name, count / times]))
}

/** What plain JavaScript makes of the codes and of the first steps; `only`: of one batch, again and again. */
export async function reference() {
  const plain = await createReference({ weights: given })
  const losses = async seedOf => {
    await plain.begin()
    const values = []
    for (let step = 0; step < CHECKED; step++) values.push(await plain.train([batch(seedOf(step))]))
    return values
  }
  const pixels = await plain.decode(codes(CODES, 400), 400)
  return { pixels, losses: await losses(step => FIRST + step), alone: await losses(() => FIRST) }
}

const worst = (a, b, difference) => a.reduce((most, value, index) => Math.max(most, difference(value, b[index])), 0)

/** One contestant by itself: how long until its first digit, whether it agrees with the reference, what it asks of the GPU. */
export async function solo(entry) {
  const begin = performance.now()
  const contestant = await open(entry)
  try {
    await contestant.decode(codes(1, 1), 1)
    const startMs = performance.now() - begin
    const wanted = await reference()
    const { pixels } = await contestant.decode(codes(CODES, 400), 400)
    if (pixels.length !== wanted.pixels.length) throw new Error(`it gives ${pixels.length} numbers for 400 digits`)
    const found = { startMs, pixelDifference: worst(wanted.pixels, pixels, (a, b) => Math.abs(a - b)) }
    found.decode1 = await counted(() => contestant.decode(codes(2, 1), 1), 1)
    found.decode400 = await counted(() => contestant.decode(codes(2, 400), 400), 1)
    if (!entry.trains) return found

    // Ours draws its own noise, and orders its images itself: it is given one batch, and its losses agree up to the noise.
    const ours = !entry.file
    await contestant.begin(ours ? FIRST : undefined)
    const losses = []
    for (let step = 0; step < CHECKED; step++) losses.push((await contestant.train(FIRST + step, 1)).loss)
    found.losses = losses
    found.lossDifference = worst(ours ? wanted.alone : wanted.losses, losses, (a, b) => Math.abs(b / a - 1))
    found.step = await counted(() => contestant.train(50, 2), 2)
    return found
  } finally {
    contestant.close()
  }
}

/** Rounds that count and are made in any case. */
const FEWEST = 3

/** Times contestants in turns: up to `rounds` of them, after `warm` that do not count; none begins after so many seconds. */
export async function rounds(entries, { warm, rounds, singles, planes, steps, seconds }) {
  const places = []
  for (const entry of entries) {
    const contestant = await open(entry)
    if (entry.trains) await contestant.begin()
    places.push({ entry, contestant, samples: { decode1: [], decode400: [], step: [] } })
  }
  const end = performance.now() + 1000 * seconds
  for (let round = 0; round < warm + rounds; round++) {
    if (round >= warm + FEWEST && performance.now() > end) break
    for (const { entry, contestant, samples } of places) {
      const note = (name, { inside, page }, share = 1) => {
        if (round >= warm) samples[name].push({ inside: inside / share, page: page / share })
      }
      for (const [name, count, times] of [['decode1', 1, singles], ['decode400', 400, planes]]) {
        for (let index = 0; index < times; index++) note(name, await contestant.decode(codes(round * times + index, count), count))
      }
      if (entry.trains) note('step', await contestant.train(100 + round * steps, steps), steps)
    }
  }
  for (const { contestant } of places) contestant.close()
  return places.map(({ entry: { id }, samples }) => ({ id, samples }))
}

/** The browser's adapter, if it has one. */
export async function adapter() {
  const found = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' })
  if (!found) return null
  const { vendor, architecture, device, description } = found.info
  const name = [vendor, architecture, device, description].filter(Boolean).join(', ')
  return { name, isSoftware: Boolean(found.info.isFallbackAdapter) || /swiftshader|llvmpipe/i.test(name) }
}
