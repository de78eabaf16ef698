// TensorFlow.js. Its gradients as shipped, or written out by hand with the same operations: on wasm some of the shipped ones
// are made of slow kernels.
import * as tf from '@tensorflow/tfjs-core'
import { ADAM, LATENT, PIXELS, shapes } from '../web/problem.js'

const each = (tree, map) => Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, map(value, name)]))
const dense = (x, w, b, activation = 'linear') => tf.fused.matMul({ a: x, b: w, bias: b, activation })

/** Everything from images to logits that a step needs again. */
function forward(w, images, eps) {
  const hidden = dense(images, w.w1, w.b1, 'relu')
  const mu = dense(hidden, w.wMu, w.bMu)
  const logVar = dense(hidden, w.wLogVar, w.bLogVar)
  const deviation = tf.exp(tf.mul(logVar, 0.5))
  const z = tf.add(mu, tf.mul(deviation, eps))
  const decoded = dense(z, w.w2, w.b2, 'relu')
  return { hidden, mu, logVar, deviation, z, decoded, logits: dense(decoded, w.w3, w.b3) }
}

function lossOf({ mu, logVar, logits }, images) {
  // Of a logit l and a bit x: max(l, 0) - l x + log(1 + exp(-|l|)).
  const cost = tf.add(tf.sub(tf.relu(logits), tf.mul(logits, images)), tf.log(tf.add(tf.exp(tf.neg(tf.abs(logits))), 1)))
  const kl = tf.mul(tf.sub(tf.sub(tf.add(tf.exp(logVar), tf.square(mu)), 1), logVar), 0.5)
  return tf.mul(tf.add(tf.sum(cost), tf.sum(kl)), 1 / images.shape[0])
}

/** Loss and gradients by the tape. */
function differentiate(w, images, eps) {
  const names = Object.keys(w)
  const { value, grads } = tf.valueAndGrads((...tensors) => {
    const weights = Object.fromEntries(names.map((name, index) => [name, tensors[index]]))
    return lossOf(forward(weights, images, eps), images)
  })(Object.values(w))
  return { value, gradients: Object.fromEntries(names.map((name, index) => [name, grads[index]])) }
}

/** The same by hand. */
function differentiateByHand(w, images, eps) {
  const count = images.shape[0]
  const made = forward(w, images, eps)
  const { hidden, mu, logVar, deviation, z, decoded, logits } = made
  const through = (gradient, rectified) => tf.mul(gradient, tf.step(rectified))
  // Transposed beforehand: the wasm backend's fast product takes no transposed operands.
  const back = (gradient, weights) => tf.matMul(gradient, tf.transpose(weights))
  const of = (x, gradient) => [tf.matMul(tf.transpose(x), gradient), tf.sum(gradient, 0)]

  const dLogits = tf.mul(tf.sub(tf.sigmoid(logits), images), 1 / count)
  const dDecoded = through(back(dLogits, w.w3), decoded)
  const dZ = back(dDecoded, w.w2)
  const dMu = tf.add(dZ, tf.mul(mu, 1 / count))
  const dLogVar = tf.mul(tf.add(tf.mul(tf.mul(dZ, deviation), eps), tf.mul(tf.sub(tf.exp(logVar), 1), 1 / count)), 0.5)
  const dHidden = through(tf.add(back(dMu, w.wMu), back(dLogVar, w.wLogVar)), hidden)
  const [[w3, b3], [w2, b2], [wMu, bMu], [wLogVar, bLogVar], [w1, b1]] =
    [of(decoded, dLogits), of(z, dDecoded), of(hidden, dMu), of(hidden, dLogVar), of(images, dHidden)]
  return { value: lossOf(made, images), gradients: { w1, b1, wMu, bMu, wLogVar, bLogVar, w2, b2, w3, b3 } }
}

/** A contestant on a backend that is set up; `differentiate` returns loss and gradients. */
function contestant(weights, byHand) {
  const gradientsOf = byHand ? differentiateByHand : differentiate
  const sized = shapes()
  const load = name => tf.tensor(weights[name], sized[name])
  const fixed = Object.fromEntries(['w2', 'b2', 'w3', 'b3'].map(name => [name, load(name)]))
  let state
  let optimizer
  return {
    async decode(z, count) {
      const pixels = tf.tidy(() => {
        const hidden = dense(tf.tensor(z, [count, LATENT]), fixed.w2, fixed.b2, 'relu')
        return dense(hidden, fixed.w3, fixed.b3, 'sigmoid')
      })
      const values = await pixels.data()
      pixels.dispose()
      return values
    },
    async begin() {
      if (state) Object.values(state).forEach(variable => variable.dispose())
      optimizer?.dispose()
      state = each(weights, (_, name) => tf.tidy(() => tf.variable(load(name), true, `${name}-${Math.random()}`)))
      optimizer = tf.train.adam(ADAM.rate, ADAM.beta1, ADAM.beta2, ADAM.epsilon)
    },
    async train(batches) {
      let value
      for (const { images, eps } of batches) {
        value?.dispose()
        const count = images.length / PIXELS
        value = tf.tidy(() => {
          const found = gradientsOf(state, tf.tensor(images, [count, PIXELS]), tf.tensor(eps, [count, LATENT]))
          optimizer.applyGradients(Object.entries(found.gradients).map(([name, tensor]) => ({ name: state[name].name, tensor })))
          return found.value
        })
      }
      const [loss] = await value.data()
      value.dispose()
      return loss
    },
  }
}

export async function start(backend, weights, byHand) {
  if (!byHand) await import('@tensorflow/tfjs-core/dist/register_all_gradients.js')
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no ${backend} here`)
  await tf.ready()
  return contestant(weights, byHand)
}
