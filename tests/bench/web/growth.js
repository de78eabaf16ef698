// The engine alone: how cost grows with the work, what a drag costs while training, what many steps leave behind.
import { advance, create, data, load, options } from './engine.js'
import { codes, weights } from './problem.js'

/** Milliseconds of a piece of work: the least of up to seven, fewer when they are slow; the first does not count. The least,
 *  because rows are compared that were not measured in turns: it is what the work costs when nothing disturbs. */
async function cost(work) {
  await work()
  const samples = []
  const end = performance.now() + 4000
  while (samples.length < 7 && (samples.length === 0 || performance.now() < end)) {
    const begin = performance.now()
    await work()
    samples.push(performance.now() - begin)
  }
  return Math.min(...samples)
}

const GRIDS = [10, 20, 30, 40, 50, 60]
const BATCHES = [32, 64, 128, 256, 512, 1024]
const HIDDEN = [64, 128, 256, 512, 1024]
const LATENT = [2, 4, 8, 16, 32, 64]

/** Multiply-adds that decoding one digit takes, and training on one image: three times forward. */
const decodeWork = ({ hidden = 512, latent = 2 }) => hidden * (latent + 784)
const trainingWork = ({ hidden = 512, latent = 2 }) => 3 * hidden * (2 * 784 + 3 * latent)

async function decoding(engine, count, sizes) {
  const model = await load(engine, weights(1, sizes), sizes)
  const z = codes(3, count, sizes.latent)
  const ms = await cost(() => model.decode(z))
  model.dispose()
  return { ms, items: count, work: count * decodeWork(sizes) }
}

async function training(engine, batch, sizes) {
  const run = await engine.train('vae', options({ ...sizes, batch }), data(5, 4, batch))
  // Some steps to a sample, so that what a request costs is no part of it.
  const steps = engine.device.kind === 'cpu' ? 4 : 1
  const ms = await cost(() => advance(run, steps)) / steps
  run.dispose()
  return { ms, items: batch, work: batch * trainingWork(sizes) }
}

/** One table for each thing that grows. */
export async function growth(device) {
  const engine = await create(device)
  const table = async (what, values, measure) => {
    const rows = []
    for (const value of values) rows.push({ value, ...await measure(value) })
    return { what, rows }
  }
  const tables = [
    await table('decode: grid of n x n digits', GRIDS, n => decoding(engine, n * n, {})),
    await table('decode 400: hidden units', HIDDEN, hidden => decoding(engine, 400, { hidden })),
    await table('decode 400: latent dimensions', LATENT, latent => decoding(engine, 400, { latent })),
    await table('training: batch', BATCHES, batch => training(engine, batch, {})),
    await table('training, batch 128: hidden units', HIDDEN, hidden => training(engine, 128, { hidden })),
    await table('training, batch 128: latent dimensions', LATENT, latent => training(engine, 128, { latent })),
  ]
  engine.dispose()
  return tables
}

/** Milliseconds from a request for a digit to its pixels on the page while a run of the engine goes on. */
export async function dragging(device, count) {
  const engine = await create(device)
  const model = await load(engine, weights())
  const run = await engine.train('vae', options(), data(100, 10))
  let done = false
  const trained = (async () => {
    for await (const _ of run.steps(100)) if (done) return
  })()
  await advanceBy(1000)
  const samples = []
  for (let index = 0; index < count; index++) {
    const begin = performance.now()
    await model.decode(codes(index, 1))
    samples.push(performance.now() - begin)
    await advanceBy(17)
  }
  done = true
  await run.pause()
  await trained
  engine.dispose()
  return samples
}

const advanceBy = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Bytes that the page's JavaScript holds, its workers included; the browser answers when it has collected garbage. */
const heap = async () => (await performance.measureUserAgentSpecificMemory()).bytes

/** Memory after `warm` steps and after `steps` more. */
export async function memory(device, { warm, steps, hidden }) {
  const engine = await create(device)
  const run = await engine.train('vae', options({ hidden }), data(100, 10))
  const taken = async () => ({ engine: (await engine.stats()).memoryBytes, page: await heap() })
  await advance(run, warm)
  const before = await taken()
  await advance(run, steps)
  const after = await taken()
  engine.dispose()
  return { before, after }
}
