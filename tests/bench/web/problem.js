// What every contestant is given: the same weights, codes, images and noise, drawn from seeds.

export const PIXELS = 784
export const HIDDEN = 512
export const LATENT = 2
export const BATCH = 128
export const ADAM = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/** Names and shapes of the weights: dense ones are [inputs, outputs]. The last six are the decoder's, less its output. */
export function shapes({ hidden = HIDDEN, latent = LATENT } = {}) {
  return {
    w1: [PIXELS, hidden], b1: [hidden],
    wMu: [hidden, latent], bMu: [latent], wLogVar: [hidden, latent], bLogVar: [latent],
    w2: [latent, hidden], b2: [hidden],
    w3: [hidden, PIXELS], b3: [PIXELS],
  }
}

/** A generator of uniform numbers of [0, 1): mulberry32. */
export function uniform(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), bits | 61)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

const filled = (count, draw) => Float32Array.from({ length: count }, draw)

/** Standard normal numbers, by Box and Muller. */
export function normals(seed, count) {
  const draw = uniform(seed)
  return filled(count, () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw()))
}

/** Weights within one over the root of the inputs, as PyTorch begins with; biases likewise. */
export function weights(seed = 1, sizes) {
  const draw = uniform(seed)
  let inputs = 1
  return Object.fromEntries(Object.entries(shapes(sizes)).map(([name, shape]) => {
    if (shape.length === 2) inputs = shape[0]
    const bound = 1 / Math.sqrt(inputs)
    return [name, filled(shape.reduce((a, b) => a * b), () => (2 * draw() - 1) * bound)]
  }))
}

/** A batch: images of bits, one in five set, in blobs of four so that there is something to learn; and the noise. */
export function batch(seed, size = BATCH, latent = LATENT) {
  const draw = uniform(seed)
  const images = new Float32Array(size * PIXELS)
  for (let at = 0; at < images.length; at += 4) images.fill(draw() < 0.2 ? 1 : 0, at, at + 4)
  return { images, eps: normals(seed + 1_000_000, size * latent) }
}

/** Codes to decode. */
export const codes = (seed, count, latent = LATENT) => normals(seed + 2_000_000, count * latent)
