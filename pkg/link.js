// The conversation with one worker: numbered requests out, an answer to each back.

/** What goes wrong in this package; `code` says what kind of failure it is. */
export class LatentError extends Error {
  constructor(code, message, options) {
    super(message, options)
    this.name = 'LatentError'
    this.code = code
  }
}

// Written out, so that bundlers find the workers.
const WORKERS = {
  cpu: () => new Worker(new URL('./cpu.worker.js', import.meta.url), { type: 'module' }),
  webgpu: () => new Worker(new URL('./webgpu.worker.js', import.meta.url), { type: 'module' }),
}

/** A worker with an engine in it. */
export class Link {
  #worker
  #waiting = new Map()
  /** Messages that wait until the engine listens; it says so with a message of its own. */
  #unsent = []
  /** Why nothing more can be asked. */
  #end = null
  #last = 0

  constructor(kind) {
    try {
      this.#worker = WORKERS[kind]()
    } catch (error) {
      throw new LatentError('not-started', `the worker could not be started: ${error.message}`, { cause: error })
    }
    this.#worker.onmessage = ({ data: [message, parts] }) => this.#hear(message, parts)
    this.#worker.onerror = event => this.#break(event)
  }

  /** Asks, and resolves to `[reply, ...arrays]`. The buffers of the arrays are moved to the worker. */
  ask(request, ...parts) {
    if (this.#end) return Promise.reject(new LatentError(...this.#end))
    return new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#waiting.set(id, { resolve, reject })
      const message = { id, request, parts }
      if (this.#unsent) this.#unsent.push(message)
      else this.#post(message)
    })
  }

  /** Ends the worker; whoever waits is told why, and whoever asks later. */
  end(code, message) {
    if (this.#end) return
    this.#end = [code, message]
    this.#worker.terminate()
    for (const { reject } of this.#waiting.values()) reject(new LatentError(code, message))
    this.#waiting.clear()
  }

  #post({ id, request, parts }) {
    try {
      this.#worker.postMessage([{ id, request }, parts], [...new Set(parts.map(part => part.buffer ?? part))])
    } catch (error) {
      this.#waiting.get(id).reject(new LatentError('bad-argument', `this cannot be sent to the engine: ${error.message}`, { cause: error }))
      this.#waiting.delete(id)
    }
  }

  #hear(message, parts) {
    if (message === null) {
      const unsent = this.#unsent ?? []
      this.#unsent = null
      for (const message of unsent) this.#post(message)
      return
    }
    const { id, reply, error } = message
    // Without a number it is said of the whole engine; without its device an engine is of no more use.
    if (id === null || error?.code === 'device-lost') return this.end(error.code, error.message)
    const { resolve, reject } = this.#waiting.get(id) ?? {}
    this.#waiting.delete(id)
    if (error) reject?.(new LatentError(error.code, error.message))
    else resolve?.([reply, ...parts])
  }

  #break(event) {
    event.preventDefault()
    const reason = event.message || 'its files could not be loaded'
    if (this.#unsent) this.end('not-started', `the engine did not start: ${reason}`)
    else this.end('crashed', `the engine broke off (${reason}); it may have run out of memory: make a new one`)
  }
}
