// A contestant in a worker of ours, seen from the page.

export class Peer {
  #worker = new Worker('/bench/web/worker.js', { type: 'module' })
  #waiting = new Map()
  #last = 0

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) resolve(result)
      else reject(new Error(error))
    }
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(message ?? 'its worker does not start'))
    }
  }

  static async open({ file, device, byHand }, weights) {
    const peer = new Peer()
    await peer.#ask('open', { file, device, byHand, weights })
    return peer
  }

  decode(z, count) {
    return this.#timed('decode', { z, count })
  }

  begin() {
    return this.#ask('begin', {})
  }

  async train(seed, steps) {
    await this.#ask('draw', { seed, steps })
    return this.#timed('train', {})
  }

  close() {
    this.#worker.terminate()
  }

  async #timed(ask, options) {
    const begin = performance.now()
    const answer = await this.#ask(ask, options)
    return { ...answer, page: performance.now() - begin }
  }

  #ask(ask, options) {
    return new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, ask, options })
    })
  }
}
