// Our contestant: the engine through its package, which has a worker of its own. The only file that knows the package.
import { BATCH, PIXELS, batch } from './problem.js'
import { replaced, settings, tensors, write } from './safetensors.js'

/** Images of the run that is timed: a hundred batches. */
const BATCHES = 100

// The package starts its workers itself; what they ask of the GPU is counted as for the others.
globalThis.Worker = class extends Worker {
  constructor(url, options) {
    const meter = new URL('/bench/web/gpu-meter.js', location.href)
    const source = `import '${meter}'\nimport '${new URL(url, location.href)}'`
    const isOurs = new URL(url, location.href).pathname.startsWith('/pkg/')
    super(isOurs ? URL.createObjectURL(new Blob([source], { type: 'text/javascript' })) : url, options)
  }
}

/** The images of a batch as the package takes them, a byte each; all are of class 0. */
export function data(seed, batches = 1, size = BATCH) {
  const images = new Uint8Array(batches * size * PIXELS)
  for (let index = 0; index < batches; index++) {
    images.set(batch(seed + index, size).images.map(bit => 255 * bit), index * size * PIXELS)
  }
  const labels = new Uint8Array(batches * size)
  return { images, labels, test: { images: images.slice(0, 10 * PIXELS), labels: labels.slice(0, 10) } }
}

/** The settings of a run as the package takes them; the longest run that there is. */
export const options = ({ hidden = 512, latent = 2, batch = BATCH } = {}) => ({
  encoder_hidden: [hidden], decoder_hidden: [hidden], latent_dim: latent, batch_size: batch, epochs: 1000,
})

/** The package's engine on `wasm` or `webgpu`, if it was built. */
export async function create(device) {
  const found = await fetch('/pkg/index.js', { method: 'HEAD' })
  if (!found.ok) throw new Error('the package is not built: cargo xtask pkg')
  const { createEngine } = await import('/pkg/index.js')
  return createEngine({ device: device === 'wasm' ? 'cpu' : device })
}

/** A model of given weights in an engine. */
export const load = (engine, weights, sizes) => engine.load(write(tensors(weights, sizes), {
  family: 'vae', seed: '1', step: '0', data: 'none', settings: JSON.stringify(settings(sizes)),
}))

/** Does so many steps of a run; returns where it stands. */
export async function advance(run, steps) {
  for await (const progress of run.steps(steps)) return progress
  throw new Error('the run is over')
}

export class Engine {
  #engine
  #model
  #weights
  #run

  static async open({ device }, weights) {
    const ours = new Engine()
    ours.#engine = await create(device)
    ours.#weights = weights
    ours.#model = await load(ours.#engine, weights)
    return ours
  }

  async decode(z) {
    const begin = performance.now()
    const pixels = await this.#model.decode(z)
    const page = performance.now() - begin
    const { decodeMs } = await this.#engine.stats()
    return { inside: decodeMs, page, pixels }
  }

  /** Begins with the given weights; with `only`, on the images of that batch alone. */
  async begin(only) {
    this.#run?.dispose()
    const images = only === undefined ? data(100, BATCHES) : data(only)
    const fresh = await this.#engine.train('vae', options(), images)
    const file = await fresh.save()
    fresh.dispose()
    this.#run = await this.#engine.resume(replaced(file, tensors(this.#weights)), images)
  }

  async train(_seed, steps) {
    const begin = performance.now()
    const { losses } = await advance(this.#run, steps)
    const page = performance.now() - begin
    const { stepMs } = await this.#engine.stats()
    return { inside: stepMs * steps, page, loss: losses.total }
  }

  close() {
    this.#engine.dispose()
  }
}
