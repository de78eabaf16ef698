// Counts what a worker asks of the GPU, with the benchmark's own meter.
import { readFile } from 'node:fs/promises'

const METER = new URL('../bench/web/gpu-meter.js', import.meta.url)

/** Puts the meter in front of the workers whose script's address matches. Call it before they start. */
export function metered(page, address) {
  return page.route(address, async route => {
    const response = await route.fetch()
    const body = `${await readFile(METER, 'utf8')}\n${await response.text()}`
    await route.fulfill({ response, body })
  })
}

/** What was counted since the last `reset`; `ask` is `read` or `reset`. */
export function counted(page, ask = 'read') {
  return page.evaluate(ask => new Promise(resolve => {
    const channel = new BroadcastChannel('gpu-meter')
    channel.onmessage = ({ data }) => {
      channel.close()
      resolve(data)
    }
    channel.postMessage(ask)
  }), ask)
}
