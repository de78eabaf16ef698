// What the tests run, built by Vite: each device decodes one code.
import { createEngine, LatentError } from 'latent-explorer'
import 'latent-explorer/element'

const output = document.querySelector('output')!

async function decoded(device: 'cpu' | 'webgpu') {
  const engine = await createEngine({ device })
  const file = await fetch('./model.safetensors')
  const model = await engine.load(await file.arrayBuffer())
  const pixels = await model.decode(Float32Array.of(0.5, -1))
  engine.dispose()
  return { kind: engine.device.kind, sum: pixels.reduce((sum, pixel) => sum + pixel, 0) }
}

const devices = new URLSearchParams(location.search).getAll('device') as ('cpu' | 'webgpu')[]
try {
  const found = []
  for (const device of devices) found.push(await decoded(device))
  output.textContent = JSON.stringify(found)
} catch (error) {
  output.textContent = error instanceof LatentError ? `${error.code}: ${error.message}` : String(error)
}
