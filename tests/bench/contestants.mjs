// Who is compared with the engine, and how their code is made ready for a browser.
import { ROOT } from './server.mjs'

/** `file` is the contestant's module; ours has none, because it is the package. */
const ALL = [
  { id: 'engine', name: 'Latent Explorer', kinds: ['wasm', 'webgpu'], trains: true },
  { id: 'jax', name: 'jax-js', file: 'jax', kinds: ['wasm', 'webgpu'], trains: true },
  { id: 'onnx', name: 'ONNX Runtime Web', file: 'onnx', kinds: ['wasm', 'webgpu'], trains: false },
  { id: 'tfjs', name: 'TensorFlow.js', file: 'tfjs', kinds: ['wasm', 'webgpu'], trains: true },
  { id: 'tfjs-by-hand', name: 'TensorFlow.js, gradients by hand', file: 'tfjs', kinds: ['wasm', 'webgpu'], trains: true, byHand: true },
  { id: 'plain', name: 'plain JavaScript', file: 'plain', kinds: ['wasm'], trains: true },
]

/** Those whose file is another for each device. */
const SPLIT = ['onnx', 'tfjs']

/** The contestants on a device, `wasm` or `webgpu`. */
export function contestants(device) {
  const file = name => (SPLIT.includes(name) ? `${name}-${device}` : name)
  return ALL.filter(({ kinds }) => kinds.includes(device)).map(({ kinds: _, ...entry }) => ({
    ...entry, device, file: entry.file && file(entry.file),
  }))
}

/** Bundles the contestants as a page would ship them, each with what it loads later in files of its own. */
export async function bundle() {
  const { build } = await import('esbuild')
  const files = new Set(['wasm', 'webgpu'].flatMap(contestants).map(({ file }) => file).filter(Boolean))
  for (const file of files) {
    await build({
      entryPoints: [`${ROOT}tests/bench/contestants/${file}.js`],
      outdir: `${ROOT}target/bench/built`,
      bundle: true, splitting: true, minify: true, format: 'esm', target: 'es2022', logLevel: 'warning',
      chunkNames: `${file}-[hash]`,
      // ONNX Runtime's wasm is served beside it, not embedded.
      conditions: ['onnxruntime-web-use-extern-wasm'],
    })
  }
}
