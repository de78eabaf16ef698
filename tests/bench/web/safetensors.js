// Files of weights as the engine reads them: dense ones are [outputs, inputs], and `__metadata__` says what they are.
import { shapes } from './problem.js'

/** Names of the engine's tensors and ours. */
const NAMES = {
  'encoder.layers.0': ['w1', 'b1'], 'encoder.mu': ['wMu', 'bMu'], 'encoder.log_var': ['wLogVar', 'bLogVar'],
  'decoder.layers.0': ['w2', 'b2'], 'decoder.output': ['w3', 'b3'],
}

function transposed(values, [rows, columns]) {
  return values.map((_, index) => values[(index % rows) * columns + Math.floor(index / rows)])
}

/** The tensors by the engine's names. */
export function tensors(weights, sizes) {
  const sized = shapes(sizes)
  return Object.fromEntries(Object.entries(NAMES).flatMap(([name, [w, b]]) => [
    [`${name}.weight`, { shape: sized[w].toReversed(), values: transposed(weights[w], sized[w]) }],
    [`${name}.bias`, { shape: sized[b], values: weights[b] }],
  ]))
}

/** The settings of such a model. */
export const settings = ({ hidden = 512, latent = 2 } = {}) => ({
  architecture: { Pick: 'dense' }, batch_size: { Whole: 128 }, beta: { Real: 1 }, decoder_hidden: { Widths: [hidden] },
  encoder_hidden: { Widths: [hidden] }, epochs: { Whole: 1 }, images: { Whole: 60000 }, latent_dim: { Whole: latent },
  learning_rate: { Real: 0.001 }, samples: { Whole: 1 }, schedule: { Pick: 'constant' }, targets: { Pick: 'dynamic' },
  warmup: { Real: 0 },
})

/** The bytes of a file. */
export function write(tensors, metadata) {
  let at = 0
  const header = { __metadata__: metadata }
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + values.byteLength] }
    at += values.byteLength
  }
  const text = JSON.stringify(header)
  // Eight bytes of length, and spaces, so that the numbers begin at a multiple of eight.
  const head = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8))
  const bytes = new Uint8Array(8 + head.length + at)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true)
  bytes.set(head, 8)
  for (const [name, { values }] of Object.entries(tensors)) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 8 + head.length + header[name].data_offsets[0])
  }
  return bytes
}

/** A saved run with other weights; what else is in it stays. */
export function replaced(file, tensors) {
  const bytes = file.slice()
  const head = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + head)))
  for (const [name, { values }] of Object.entries(tensors)) {
    if (!header[name]) throw new Error(`the saved run has no tensor ${name}`)
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 8 + head + header[name].data_offsets[0])
  }
  return bytes
}
