// The engine of Latent Explorer: decodes, encodes and trains generative models of digits in a worker of its own.
import { bytes, entries, whole } from './arrays.js'
import { LatentError, Link } from './link.js'
import { Model } from './model.js'
import { Run } from './run.js'

export { LatentError }

const PREFERENCES = { auto: 'Auto', cpu: 'Cpu', webgpu: 'WebGpu' }

export async function createEngine({ device = 'auto', canvas } = {}) {
  if (!Object.hasOwn(PREFERENCES, device)) {
    throw new LatentError('bad-argument', `there is no device '${device}'; there are: ${Object.keys(PREFERENCES).join(', ')}`)
  }
  const opened = device === 'auto' ? await best() : await open(device, device)
  try {
    if (canvas !== undefined) await attach(opened.link, canvas)
  } catch (error) {
    opened.link.end('disposed', 'this engine has no canvas')
    throw error
  }
  return new Engine(opened)
}

class Engine {
  #link

  constructor({ link, device, families }) {
    this.#link = link
    this.device = device
    this.families = families
  }

  async load(files, { transfer = false } = {}) {
    const parts = [files].flat().map(file => bytes('a file of weights', file, transfer))
    const [facts] = await this.#link.ask('load', ...parts)
    return new Model(this.#link, facts)
  }

  async train(family, settings, data, { seed = 1, transfer = false } = {}) {
    const request = {
      family: String(family),
      settings: entries(settings),
      seed: whole('the seed', seed, 0, Number.MAX_SAFE_INTEGER),
      holdout: holdout(data),
    }
    const [begun] = await this.#link.ask({ train: request }, ...images(data, transfer))
    return new Run(this.#link, begun)
  }

  async resume(file, data, { transfer = false } = {}) {
    const parts = [bytes('a saved run', file, transfer), ...images(data, transfer)]
    const [begun] = await this.#link.ask({ resume: { holdout: holdout(data) } }, ...parts)
    return new Run(this.#link, begun)
  }

  async stats() {
    const [stats] = await this.#link.ask('stats')
    return stats
  }

  dispose() {
    this.#link.end('disposed', 'this engine was disposed of; make a new one')
  }
}

/** What the page does: the CPU's engine comes first, looks at the browser's GPU, and stays unless that one is better. */
async function best() {
  const cpu = await open('cpu', 'auto')
  const stay = reason => ({ ...cpu, device: { ...cpu.device, reason } })
  if (!cpu.gpu.usable) return stay(cpu.gpu.reason)
  try {
    const gpu = await open('webgpu', 'auto')
    cpu.link.end('disposed', 'another engine took over')
    return gpu
  } catch (error) {
    return stay(error.message)
  }
}

async function open(kind, preference) {
  const link = new Link(kind)
  try {
    const [{ device, gpu, families }] = await link.ask({ open: { device: PREFERENCES[preference] } })
    return { link, gpu, families: families.map(card), device: { ...device, kind: device.kind.toLowerCase() } }
  } catch (error) {
    link.end('disposed', 'this engine did not open')
    throw error
  }
}

/** Hands a canvas to the worker, for good. */
async function attach(link, canvas) {
  try {
    await link.ask('canvas', canvas.transferControlToOffscreen?.() ?? canvas)
  } catch (error) {
    if (error instanceof LatentError && error.code !== 'bad-argument') throw error
    const message = 'the canvas must be a new HTMLCanvasElement or OffscreenCanvas: a canvas that was drawn on or handed over before cannot be'
    throw new LatentError('bad-canvas', message, { cause: error })
  }
}

function images({ images, labels, test = {} } = {}, transfer) {
  return [
    bytes('images', images, transfer), bytes('labels', labels, transfer),
    bytes('test images', test.images, transfer), bytes('test labels', test.labels, transfer),
  ]
}

function holdout({ holdout = 0.1 } = {}) {
  if (holdout > 0 && holdout < 1) return holdout
  throw new LatentError('bad-argument', 'holdout must lie between 0 and 1')
}

/** A model card as JavaScript writes such things, without what only the page uses. */
function card({ id, name, summary, paper, abilities, decode_cost, hyperparameters, losses }) {
  const { encode, likelihood = null, exact, classes } = abilities
  return {
    id, name, summary, paper, losses,
    abilities: { encode, likelihood: likelihood?.toLowerCase() ?? null, exact, classes },
    decodeCost: decode_cost.toLowerCase(),
    hyperparameters: hyperparameters.map(({ key, label, help, control, live }) => {
      const [[kind, bounds]] = Object.entries(control)
      return { key, label, help, live, kind: kind.toLowerCase(), ...bounds }
    }),
  }
}
