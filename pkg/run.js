// A model being trained. Nothing happens unless it is asked for.
import { entries, whole } from './arrays.js'
import { Model } from './model.js'

export class Run {
  #link
  #handle
  #paused = false

  constructor(link, { run, family, progress }) {
    this.#link = link
    this.#handle = run
    this.family = family
    this.#follow(progress)
  }

  async *steps(every) {
    const count = whole('steps', every, 1)
    this.#paused = false
    while (!this.#paused && !this.finished) {
      const before = this.step
      const [reply] = await this.#ask('steps', { count })
      const progress = this.#follow(reply)
      // A pause before the first step.
      if (progress.step === before) return
      yield progress
    }
  }

  async pause() {
    this.#paused = true
    await this.#ask('pause')
  }

  async adjust(settings) {
    await this.#ask('adjust', { settings: entries(settings) })
  }

  async evaluate() {
    const [{ label, unit, total, parts, images }] = await this.#ask('evaluate')
    return { label, unit, total, parts: Object.fromEntries(parts), images }
  }

  async model() {
    const [facts] = await this.#ask('snapshot')
    return new Model(this.#link, facts)
  }

  async save() {
    const [, file] = await this.#ask('save')
    return file
  }

  dispose() {
    // An engine that has ended has forgotten it already.
    this.#link.ask({ drop: { handle: this.#handle } }).catch(() => {})
  }

  #follow({ step, epoch, finished, losses }) {
    this.step = step
    this.epoch = epoch
    this.finished = finished
    return { step, epoch, finished, losses: Object.fromEntries(losses.map(({ key, value }) => [key, value])) }
  }

  #ask(name, fields = {}) {
    return this.#link.ask({ [name]: { run: this.#handle, ...fields } })
  }
}
