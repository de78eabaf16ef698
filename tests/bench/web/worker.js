// The worker of a contestant. Work is timed here, from the call to numbers in JavaScript's memory.
import './gpu-meter.js'
import { batch } from './problem.js'

// One thread for all: with shared memory, some would start others.
delete globalThis.SharedArrayBuffer

let contestant
/** What it trains on next: drawn before the clock runs. */
let batches

const answers = {
  async open({ file, ...options }) {
    const { create } = await import(`/built/${file}.js`)
    contestant = await create(options)
  },
  async decode({ z, count }) {
    const begin = performance.now()
    const pixels = await contestant.decode(z, count)
    const inside = performance.now() - begin
    // A copy: some hand out a view of their memory.
    return { inside, pixels: pixels.slice() }
  },
  async begin() {
    await contestant.begin()
  },
  async draw({ seed, steps }) {
    batches = Array.from({ length: steps }, (_, index) => batch(seed + index))
  },
  async train() {
    const begin = performance.now()
    const loss = await contestant.train(batches)
    return { inside: performance.now() - begin, loss }
  },
}

self.onmessage = async ({ data: { id, ask, options } }) => {
  try {
    const result = (await answers[ask](options)) ?? {}
    self.postMessage({ id, result }, result.pixels ? [result.pixels.buffer] : [])
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) })
  }
}
