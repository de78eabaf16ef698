// A trained model.
import { bytes, floats, whole } from './arrays.js'
import { LatentError } from './link.js'

const WHITE_ON_BLACK = { paper: [0, 0, 0], ink: [255, 255, 255] }

export class Model {
  #link
  #handle

  constructor(link, facts) {
    this.#link = link
    this.#handle = facts.model
    this.family = facts.family
    this.latentDim = facts.latentDim
    this.classes = facts.classes
    this.codeLength = facts.latentDim + facts.classes
    this.pixels = facts.pixels
    this.encodes = facts.encodes
    this.metadata = Object.fromEntries(facts.metadata)
  }

  async decode(z, { transfer = false } = {}) {
    const [, pixels] = await this.#ask('decode', {}, floats('codes', z, transfer))
    return pixels
  }

  async encode(images, { labels, transfer = false } = {}) {
    const isFloat = images instanceof Float32Array
    const parts = [isFloat ? floats('images', images, transfer) : bytes('images', images, transfer)]
    if (labels !== undefined) parts.push(bytes('labels', labels, transfer))
    const [, mu, logVar = null] = await this.#ask('encode', {}, ...parts)
    return { mu, logVar }
  }

  async latentFromUnit(points, { axes = [0, 1], class: number = 0, transfer = false } = {}) {
    const look = {
      axes: axes.map(axis => whole('an axis', axis, 0, 1000)),
      class: whole('the class', number, 0, Math.max(this.classes - 1, 0)),
    }
    const [, z] = await this.#ask('latentFromUnit', look, floats('points', points, transfer))
    return z
  }

  async draw(z, { columns = 1, colors = WHITE_ON_BLACK, transfer = false } = {}) {
    const theme = { paper: color(colors.paper), ink: color(colors.ink) }
    await this.#ask('draw', { columns: whole('columns', columns, 1, 1000), theme }, floats('codes', z, transfer))
  }

  dispose() {
    // An engine that has ended has forgotten it already.
    this.#link.ask({ drop: { handle: this.#handle } }).catch(() => {})
  }

  #ask(name, fields, ...parts) {
    return this.#link.ask({ [name]: { model: this.#handle, ...fields } }, ...parts)
  }
}

/** Three bytes. */
function color(channels) {
  if (channels?.length !== 3) throw new LatentError('bad-argument', 'a color is [red, green, blue], each from 0 to 255')
  return Array.from(channels, channel => whole('a channel of a color', channel, 0, 255))
}
