// Plain typed arrays, as one would write them without a library: loops in the order in which memory lies, nothing else.
import { ADAM, PIXELS } from '../web/problem.js'

/** out = x w + b, of [count, inputs] and [inputs, outputs]. */
function dense(x, w, b, count) {
  const [inputs, outputs] = [x.length / count, b.length]
  const out = new Float32Array(count * outputs)
  for (let row = 0; row < count; row++) {
    const into = out.subarray(row * outputs, (row + 1) * outputs)
    into.set(b)
    for (let i = 0; i < inputs; i++) {
      const value = x[row * inputs + i]
      if (value === 0) continue
      const base = i * outputs
      for (let j = 0; j < outputs; j++) into[j] += value * w[base + j]
    }
  }
  return out
}

/** The gradients of a dense layer: of its weights and biases, and of its input where `input` asks for it. */
function backward(x, w, gradient, count, input = true) {
  const [inputs, outputs] = [x.length / count, gradient.length / count]
  const [dw, db] = [new Float32Array(inputs * outputs), new Float32Array(outputs)]
  const dx = new Float32Array(input ? x.length : 0)
  for (let row = 0; row < count; row++) {
    const from = gradient.subarray(row * outputs, (row + 1) * outputs)
    for (let j = 0; j < outputs; j++) db[j] += from[j]
    for (let i = 0; i < inputs; i++) {
      const [value, base] = [x[row * inputs + i], i * outputs]
      if (value !== 0) for (let j = 0; j < outputs; j++) dw[base + j] += value * from[j]
      if (!input) continue
      let sum = 0
      for (let j = 0; j < outputs; j++) sum += w[base + j] * from[j]
      dx[row * inputs + i] = sum
    }
  }
  return { dw, db, dx }
}

function relu(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0
  return x
}

/** Lets a gradient through where a rectified value is positive. */
function through(gradient, rectified) {
  for (let i = 0; i < gradient.length; i++) if (rectified[i] <= 0) gradient[i] = 0
  return gradient
}

const sigmoid = x => 1 / (1 + Math.exp(-x))

/** Loss and gradients of a batch. */
function differentiate(w, images, eps) {
  const count = images.length / PIXELS
  const hidden = relu(dense(images, w.w1, w.b1, count))
  const mu = dense(hidden, w.wMu, w.bMu, count)
  const logVar = dense(hidden, w.wLogVar, w.bLogVar, count)
  const z = mu.map((m, i) => m + Math.exp(0.5 * logVar[i]) * eps[i])
  const decoded = relu(dense(z, w.w2, w.b2, count))
  const logits = dense(decoded, w.w3, w.b3, count)

  let loss = 0
  const dLogits = new Float32Array(logits.length)
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]
    loss += Math.max(logit, 0) - logit * images[i] + Math.log1p(Math.exp(-Math.abs(logit)))
    dLogits[i] = (sigmoid(logit) - images[i]) / count
  }
  const output = backward(decoded, w.w3, dLogits, count)
  const first = backward(z, w.w2, through(output.dx, decoded), count)
  const [dMu, dLogVar] = [new Float32Array(mu.length), new Float32Array(mu.length)]
  for (let i = 0; i < mu.length; i++) {
    loss += 0.5 * (Math.exp(logVar[i]) + mu[i] ** 2 - 1 - logVar[i])
    dMu[i] = first.dx[i] + mu[i] / count
    dLogVar[i] = 0.5 * (first.dx[i] * Math.exp(0.5 * logVar[i]) * eps[i] + (Math.exp(logVar[i]) - 1) / count)
  }
  const means = backward(hidden, w.wMu, dMu, count)
  const variances = backward(hidden, w.wLogVar, dLogVar, count)
  const dHidden = means.dx.map((value, i) => value + variances.dx[i])
  const encoder = backward(images, w.w1, through(dHidden, hidden), count, false)
  return {
    loss: loss / count,
    gradients: {
      w1: encoder.dw, b1: encoder.db, wMu: means.dw, bMu: means.db, wLogVar: variances.dw, bLogVar: variances.db,
      w2: first.dw, b2: first.db, w3: output.dw, b3: output.db,
    },
  }
}

/** One step of Adam, in place. */
function adam(state, gradients) {
  const { rate, beta1, beta2, epsilon } = ADAM
  state.step += 1
  const [c1, c2] = [1 - beta1 ** state.step, 1 - beta2 ** state.step]
  for (const [name, gradient] of Object.entries(gradients)) {
    const [w, m, v] = [state.weights[name], state.means[name], state.squares[name]]
    for (let i = 0; i < w.length; i++) {
      m[i] = beta1 * m[i] + (1 - beta1) * gradient[i]
      v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2
      w[i] -= (rate * m[i] / c1) / (Math.sqrt(v[i] / c2) + epsilon)
    }
  }
}

const copies = (tree, copy) => Object.fromEntries(Object.entries(tree).map(([name, values]) => [name, copy(values)]))

export async function create({ weights }) {
  let state
  return {
    async decode(z, count) {
      return dense(relu(dense(z, weights.w2, weights.b2, count)), weights.w3, weights.b3, count).map(sigmoid)
    },
    async begin() {
      const zeros = values => new Float32Array(values.length)
      const start = copies(weights, values => values.slice())
      state = { weights: start, means: copies(weights, zeros), squares: copies(weights, zeros), step: 0 }
    },
    async train(batches) {
      let loss
      for (const { images, eps } of batches) {
        const found = differentiate(state.weights, images, eps)
        adam(state, found.gradients)
        loss = found.loss
      }
      return loss
    },
  }
}
